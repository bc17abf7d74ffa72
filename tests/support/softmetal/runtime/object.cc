// SPDX-License-Identifier: Apache-2.0
#include "runtime/object.h"

#include <cstring>

#include "control/control.h"
#include "runtime/quarantine.h"
#include "runtime/selector.h"

namespace softmetal {
namespace {

std::vector<const Class*>& classes() {
  static auto* instance = new std::vector<const Class*>;
  return *instance;
}

}  // namespace

Object::Object(const Class& type) : type_(&type) { type.live().fetch_add(1, std::memory_order_relaxed); }

Object::~Object() = default;

void Object::release() {
  const long left = references_.fetch_sub(1, std::memory_order_acq_rel) - 1;
  if (left > 0) return;
  if (left < 0) {
    fault("-[%s release]: released more often than retained", type_->name());
    references_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  dealloc();
  type_->live().fetch_sub(1, std::memory_order_relaxed);
  Quarantine::instance().add(this, quarantine_bytes());
  unhold();
}

void Object::unhold() {
  if (holds_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

bool Object::try_hold() {
  long holds = holds_.load(std::memory_order_relaxed);
  while (holds > 0) {
    if (holds_.compare_exchange_weak(holds, holds + 1, std::memory_order_acquire)) return true;
  }
  return false;
}

std::string Object::described() const { return std::string(type_->name()) + " '" + label_ + "'"; }

void MethodTable::add(const MethodTable& others) {
  for (const Slot& slot : others.slots_) {
    if (slot.selector != nullptr) insert(slot.selector, slot.implementation);
  }
}

void MethodTable::add(std::initializer_list<Method> methods) {
  for (const Method& method : methods) insert(intern(method.name), method.implementation);
}

void MethodTable::insert(Selector selector, Implementation implementation) {
  if (2 * (n_used_ + 1) > slots_.size()) {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    n_used_ = 0;
    for (const Slot& slot : old) {
      if (slot.selector != nullptr) insert(slot.selector, slot.implementation);
    }
  }
  for (std::size_t i = slot_of(selector);; ++i) {
    Slot& slot = slots_[i & (slots_.size() - 1)];
    if (slot.selector != nullptr && slot.selector != selector) continue;
    n_used_ += slot.selector == nullptr ? 1 : 0;
    slot = {selector, implementation};  // the later one, of the deriving class, wins
    return;
  }
}

Class::Class(const char* name, const Class* parent, Make maker, std::initializer_list<Method> methods,
             std::initializer_list<Method> class_methods)
    : Object(*new Class(Meta{}, name, parent, class_methods), Uncounted{}), name_(name), parent_(parent), make_(maker) {
  if (parent != nullptr) methods_.add(parent->methods_);
  methods_.add(methods);
  classes().push_back(this);
}

// The class of a class is its own class: nothing asks further.
Class::Class(Meta /*meta*/, const char* name, const Class* parent, std::initializer_list<Method> class_methods)
    : Object(*this, Uncounted{}), name_(name), parent_(nullptr), is_meta_(true) {
  if (parent != nullptr) methods_.add(parent->type().methods());
  methods_.add(class_methods);
}

bool Class::derives_from(const Class& other) const {
  for (const Class* c = this; c != nullptr; c = c->parent_) {
    if (c == &other) return true;
  }
  return false;
}

const Class* Class::find(const char* name) {
  for (const Class* c : classes()) {
    if (std::strcmp(c->name_, name) == 0) return c;
  }
  return nullptr;
}

std::vector<const Class*> Class::all() { return classes(); }

}  // namespace softmetal
