// SPDX-License-Identifier: Apache-2.0
// Typed message sending for the tests of softmetal, as host code does it: no headers of Apple, only the runtime's
// functions.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

extern "C" {
void objc_msgSend();
void objc_msgSend_stret();
const char* sel_registerName(const char* name);
void* objc_lookUpClass(const char* name);
void* objc_getClass(const char* name);
void* objc_autoreleasePoolPush();
void objc_autoreleasePoolPop(void* pool);
void* objc_retain(void* object);
void objc_release(void* object);
void* MTLCreateSystemDefaultDevice();
void* MTLCopyAllDevices();
extern void* _NSConcreteGlobalBlock[];  // NOLINT(bugprone-reserved-identifier)
extern void* _NSConcreteStackBlock[];   // NOLINT(bugprone-reserved-identifier)
}

namespace softmetal::test {

using Id = void*;

struct Size {
  unsigned long width = 1, height = 1, depth = 1;
};
struct Range {
  unsigned long location = 0, length = 0;
};

/// Sends a message; the arguments' types are the method's.
template <class R = Id, class... A>
R send(Id object, const char* selector, A... arguments) {
  const char* name = sel_registerName(selector);
#if defined(__x86_64__)
  if constexpr (std::is_class_v<R>) {
    static_assert(sizeof(R) > 16, "smaller ones are returned in registers");
    return reinterpret_cast<R (*)(Id, const char*, A...)>(&objc_msgSend_stret)(object, name, arguments...);
  }
#endif
  return reinterpret_cast<R (*)(Id, const char*, A...)>(&objc_msgSend)(object, name, arguments...);
}

/// Owns one reference.
class Owned {
 public:
  Owned() = default;
  explicit Owned(Id object) : object_(object) {}
  Owned(Owned&& other) noexcept : object_(other.object_) { other.object_ = nullptr; }
  Owned& operator=(Owned&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { reset(); }
  void reset() {
    if (object_ != nullptr) objc_release(object_);
    object_ = nullptr;
  }
  operator Id() const { return object_; }  // NOLINT(google-explicit-constructor): as an id is used

 private:
  Id object_ = nullptr;
};

class Pool {
 public:
  Pool() : token_(objc_autoreleasePoolPush()) {}
  ~Pool() { objc_autoreleasePoolPop(token_); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

 private:
  void* token_;
};

inline Id string(const std::string& text) {
  return send(objc_getClass("NSString"), "stringWithUTF8String:", text.c_str());
}
inline std::string text_of(Id string) {
  const char* text = send<const char*>(string, "UTF8String");
  return text != nullptr ? text : "";
}
inline Owned make(const char* class_name) { return Owned(send(send(objc_getClass(class_name), "alloc"), "init")); }

}  // namespace softmetal::test
