// SPDX-License-Identifier: Apache-2.0
// Objects and classes as message sending sees them. A class of Metal is a C++ class that derives from Object once,
// first and not virtually, so that an Object* and what the host holds (id) are the same address, and has one Class with
// its methods (method.h).
//
// Two counts: references are the host's (retain, release) and those that Metal's rules give to other objects; when the
// last goes the object is dead, no longer counted as live, and dealloc() has let go of what it referred to. Holds keep
// the memory of dead objects, so that a use after the end is a fault with a name and never reads freed memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace softmetal {

/// An interned name (selector.h): equal names are equal pointers.
using Selector = const char*;
using Implementation = void (*)();

class Class;

class Object {
 public:
  explicit Object(const Class& type);
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object();

  [[nodiscard]] const Class& type() const { return *type_; }
  [[nodiscard]] bool alive() const { return references_.load(std::memory_order_acquire) > 0; }
  [[nodiscard]] long references() const { return references_.load(std::memory_order_relaxed); }

  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();
  void hold() { holds_.fetch_add(1, std::memory_order_relaxed); }
  void unhold();
  /// False if the memory is being freed already; for tables that do not hold.
  [[nodiscard]] bool try_hold();

  [[nodiscard]] const std::string& label() const { return label_; }
  void set_label(std::string label) { label_ = std::move(label); }
  /// For messages: MTLBuffer 'weights'.
  [[nodiscard]] std::string described() const;

 protected:
  struct Uncounted {};
  /// For classes: not counted as a live object of its type.
  Object(const Class& type, Uncounted /*tag*/) : type_(&type) {}

  /// The last reference is gone: let go of others.
  virtual void dealloc() {}
  /// What keeping this dead object costs, besides a few bytes.
  [[nodiscard]] virtual std::size_t quarantine_bytes() const { return 0; }

 private:
  friend class Quarantine;

  const Class* type_;
  std::atomic<long> references_{1};
  std::atomic<long> holds_{1};  // one for all references together
  std::string label_;
};

struct Method {
  const char* name;
  Implementation implementation;
};

/// Methods by selector; filled when this library is loaded, read-only afterwards.
class MethodTable {
 public:
  void add(const MethodTable& others);
  void add(std::initializer_list<Method> methods);
  [[nodiscard]] Implementation find(Selector selector) const {
    for (std::size_t i = slot_of(selector);; ++i) {
      const Slot& slot = slots_[i & (slots_.size() - 1)];
      if (slot.selector == selector) return slot.implementation;
      if (slot.selector == nullptr) return nullptr;
    }
  }

 private:
  struct Slot {
    Selector selector = nullptr;
    Implementation implementation = nullptr;
  };
  static std::size_t slot_of(Selector selector) { return reinterpret_cast<std::size_t>(selector) >> 4; }
  void insert(Selector selector, Implementation implementation);

  std::vector<Slot> slots_ = std::vector<Slot>(16);  // a power of two, never full
  std::size_t n_used_ = 0;
};

/// A class, which is an object too: messages to it find class methods. Never freed.
class Class final : public Object {
 public:
  using Make = Object* (*)();

  /// `maker` is what alloc calls, or null: such objects come from others.
  Class(const char* name, const Class* parent, Make maker, std::initializer_list<Method> methods,
        std::initializer_list<Method> class_methods = {});

  [[nodiscard]] const char* name() const { return name_; }
  [[nodiscard]] const Class* parent() const { return parent_; }
  [[nodiscard]] const MethodTable& methods() const { return methods_; }
  [[nodiscard]] Object* make() const { return make_ != nullptr ? make_() : nullptr; }
  [[nodiscard]] bool is_class_of_classes() const { return is_meta_; }
  [[nodiscard]] bool derives_from(const Class& other) const;

  [[nodiscard]] std::atomic<long>& live() const { return live_; }

  /// By name; null if there is none.
  static const Class* find(const char* name);
  static std::vector<const Class*> all();

 private:
  struct Meta {};
  Class(Meta meta, const char* name, const Class* parent, std::initializer_list<Method> class_methods);

  const char* name_;
  const Class* parent_;
  Make make_ = nullptr;
  bool is_meta_ = false;
  MethodTable methods_;
  mutable std::atomic<long> live_{0};
};

/// NSObject: what every class answers.
const Class& object_class();

/// A reference: the object lives at least as long.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr) object_->retain();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { reset(); }
  /// Takes over the reference that came with `new`.
  static Ref adopt(T* object) {
    Ref made;
    made.object_ = object;
    return made;
  }
  void reset() {
    if (T* object = std::exchange(object_, nullptr); object != nullptr) object->release();
  }
  [[nodiscard]] T* get() const { return object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

/// A hold: the memory stays readable, the object may die.
template <class T>
class Hold {
 public:
  Hold() = default;
  explicit Hold(T* object) : object_(object) {
    if (object_ != nullptr) object_->hold();
  }
  Hold(const Hold& other) : Hold(other.object_) {}
  Hold(Hold&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Hold& operator=(Hold other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Hold() {
    if (object_ != nullptr) object_->unhold();
  }
  [[nodiscard]] T* get() const { return object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

}  // namespace softmetal
