// SPDX-License-Identifier: Apache-2.0
// The functions of libobjc that host code links, and NSObject.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "control/control.h"
#include "runtime/autorelease.h"
#include "runtime/export.h"
#include "runtime/selector.h"

extern "C" void softmetal_nil();

namespace softmetal {
namespace {

// What every object answers.
namespace root {

Object* retain(Object* self, Selector /*selector*/) {
  self->retain();
  return self;
}
void release(Object* self, Selector /*selector*/) { self->release(); }
Object* autorelease(Object* self, Selector /*selector*/) { return softmetal::autorelease(self); }
unsigned long retain_count(Object* self, Selector /*selector*/) {
  return static_cast<unsigned long>(self->references());
}
Object* init(Object* self, Selector /*selector*/) { return self; }
bool responds_to(Object* self, Selector /*selector*/, Selector asked) {
  return self->type().methods().find(asked) != nullptr;
}
const Class* class_of(Object* self, Selector /*selector*/) { return &self->type(); }
bool is_kind_of(Object* self, Selector /*selector*/, const Class* other) {
  return other != nullptr && self->type().derives_from(*other);
}
bool is_equal(Object* self, Selector /*selector*/, const Object* other) { return self == other; }

}  // namespace root

// What every class answers.
namespace root_class {

Object* alloc(Object* self, Selector /*selector*/) {
  const auto* type = static_cast<Class*>(self);
  Object* made = type->make();
  if (made == nullptr) fault("+[%s alloc]: objects of this class come from others, not from alloc", type->name());
  return made;
}
Object* class_of(Object* self, Selector /*selector*/) { return self; }

}  // namespace root_class

template <class F>
Implementation implementation(F* function) {
  return reinterpret_cast<Implementation>(function);
}

[[maybe_unused]] const Class& registered = object_class();

[[noreturn]] void unimplemented(const Object& self, Selector selector) {
  const bool is_class = self.type().is_class_of_classes();
  std::fprintf(stderr, "softmetal: unimplemented %c[%s %s]\n", is_class ? '+' : '-', self.type().name(), selector);
  std::abort();
}

}  // namespace

const Class& object_class() {
  static const Class& instance = *new Class("NSObject", nullptr, nullptr,
                                            {{"retain", implementation(&root::retain)},
                                             {"release", implementation(&root::release)},
                                             {"autorelease", implementation(&root::autorelease)},
                                             {"retainCount", implementation(&root::retain_count)},
                                             {"init", implementation(&root::init)},
                                             {"respondsToSelector:", implementation(&root::responds_to)},
                                             {"class", implementation(&root::class_of)},
                                             {"isKindOfClass:", implementation(&root::is_kind_of)},
                                             {"isEqual:", implementation(&root::is_equal)}},
                                            {{"alloc", implementation(&root_class::alloc)},
                                             {"new", implementation(&root_class::alloc)},
                                             {"class", implementation(&root_class::class_of)},
                                             {"respondsToSelector:", implementation(&root::responds_to)}});
  return instance;
}

}  // namespace softmetal

using softmetal::Class;
using softmetal::Implementation;
using softmetal::Object;
using softmetal::Selector;

extern "C" {

// Called by the assembly of message_send.cc.
__attribute__((used)) Implementation softmetal_find_method(const Object* self, Selector selector) {
  if (self == nullptr) return &softmetal_nil;
  if (!self->alive()) {
    softmetal::fault("-[%s %s]: sent to an object after its last release", self->type().name(), selector);
    return &softmetal_nil;
  }
  const Implementation found = self->type().methods().find(selector);
  if (found == nullptr) softmetal::unimplemented(*self, selector);
  return found;
}

SOFTMETAL_EXPORT Selector sel_registerName(const char* name) { return softmetal::intern(name); }

SOFTMETAL_EXPORT const Class* objc_lookUpClass(const char* name) { return Class::find(name); }

SOFTMETAL_EXPORT const Class* objc_getClass(const char* name) { return Class::find(name); }

SOFTMETAL_EXPORT void* objc_autoreleasePoolPush() { return softmetal::push_pool(); }

SOFTMETAL_EXPORT void objc_autoreleasePoolPop(void* pool) { softmetal::pop_pool(pool); }

SOFTMETAL_EXPORT Object* objc_retain(Object* object) {
  if (object == nullptr) return nullptr;
  if (object->alive()) {
    object->retain();
  } else {
    softmetal::fault("objc_retain: %s is used after its last release", object->type().name());
  }
  return object;
}

SOFTMETAL_EXPORT void objc_release(Object* object) {
  if (object != nullptr) object->release();
}

}  // extern "C"
