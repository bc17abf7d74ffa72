// SPDX-License-Identifier: Apache-2.0
// Messages to Objective-C objects from C++: typed calls of objc_msgSend, owning references, autorelease pools and
// blocks. The system's runtime on macOS; the tests' software Metal on Linux.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

extern "C" {
void objc_msgSend();  // of no type: each call gives it one
void* sel_registerName(const char* name);
void* objc_getClass(const char* name);
void* objc_autoreleasePoolPush();
void objc_autoreleasePoolPop(void* pool);
extern void* _NSConcreteStackBlock[];  // NOLINT(bugprone-reserved-identifier): the runtime's name
}

namespace marlin::objc {

/// An object of any class; not owned.
using Id = void*;

/// A selector or class name as a template argument.
template <std::size_t kSize>
struct Name {
  char text[kSize];
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is a name
  constexpr Name(const char (&literal)[kSize]) { std::copy_n(literal, kSize, text); }
};

/// [object selector: arguments...]; the argument types must be exactly the method's. A null object answers 0.
template <Name kSelector, typename Result = void, typename... Arguments>
Result send(Id object, Arguments... arguments) {
  static void* const kRegistered = sel_registerName(kSelector.text);
  return reinterpret_cast<Result (*)(Id, void*, Arguments...)>(&objc_msgSend)(object, kRegistered, arguments...);
}

/// The class object; null if the system has none of that name.
template <Name kClass>
Id class_of() {
  static const Id kFound = objc_getClass(kClass.text);
  return kFound;
}

template <Name kSelector>
bool responds_to(Id object) {
  return send<"respondsToSelector:", bool>(object, sel_registerName(kSelector.text));
}

/// One owned reference. Made from what `new...`, `alloc` and `copy` return; retain() is for everything else.
class Owned {
 public:
  Owned() = default;
  explicit Owned(Id object) : object_(object) {}
  ~Owned() { reset(); }
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;

  [[nodiscard]] static Owned retain(Id object) {
    return Owned(object == nullptr ? nullptr : send<"retain", Id>(object));
  }

  void reset() {
    if (object_ != nullptr) send<"release">(std::exchange(object_, nullptr));
  }

  [[nodiscard]] Id get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  Id object_ = nullptr;
};

/// [[Class alloc] init]
template <Name kClass>
Owned make() {
  return Owned(send<"init", Id>(send<"alloc", Id>(class_of<kClass>())));
}

/// Objects that methods return unowned live until its end. One on the stack wherever such methods are called.
class AutoreleasePool {
 public:
  AutoreleasePool() : pool_(objc_autoreleasePoolPush()) {}
  ~AutoreleasePool() { objc_autoreleasePoolPop(pool_); }
  AutoreleasePool(const AutoreleasePool&) = delete;
  AutoreleasePool& operator=(const AutoreleasePool&) = delete;

 private:
  void* pool_;
};

/// An autoreleased NSString.
inline Id string(const std::string& text) {
  return send<"stringWithUTF8String:", Id>(class_of<"NSString">(), text.c_str());
}

/// What an NSString holds; empty for null.
inline std::string text_of(Id string) {
  const char* const text = string == nullptr ? nullptr : send<"UTF8String", const char*>(string);
  return text == nullptr ? std::string() : std::string(text);
}

/// What an NSError says; empty for null.
inline std::string description_of(Id error) {
  return error == nullptr ? std::string() : text_of(send<"localizedDescription", Id>(error));
}

/// A block of one pointer and one object argument, by the blocks ABI
/// (https://clang.llvm.org/docs/Block-ABI-Apple.html). Whoever keeps it copies it, so it may live on the stack; what
/// `context` points to must outlive the call.
template <typename Context>
class Block {
 public:
  using Function = void (*)(Context* context, Id argument);

  Block(Function function, Context* context) : context_(context), function_(function) {}

  [[nodiscard]] Id get() { return this; }

 private:
  struct Descriptor {
    unsigned long reserved = 0;
    unsigned long size = sizeof(Block);
  };
  static void invoke(Block* block, Id argument) { block->function_(block->context_, argument); }
  static constexpr Descriptor kDescriptor{};

  void* isa_ = static_cast<void*>(_NSConcreteStackBlock);
  int flags_ = 0;
  int reserved_ = 0;
  void (*invoke_)(Block*, Id) = &invoke;
  const Descriptor* descriptor_ = &kDescriptor;
  Context* context_;
  Function function_;
};

}  // namespace marlin::objc
