// SPDX-License-Identifier: Apache-2.0
// The functions of libobjc that host code links, and NSObject.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "control/control.h"
#include "runtime/autorelease.h"
#include "runtime/export.h"
#include "runtime/method.h"
#include "runtime/selector.h"

extern "C" void softmetal_nil();

namespace softmetal {
namespace {

// Methods that need nothing of the object's class. `this` is never read through a wrong type: all of it is Object's.
class Root final : public Object {
 public:
  Object* do_retain() {
    retain();
    return this;
  }
  void do_release() { release(); }
  Object* do_autorelease() { return autorelease(this); }
  unsigned long retain_count() { return static_cast<unsigned long>(references()); }
  Object* init() { return this; }
  bool responds_to(Selector selector) { return type().methods().find(selector) != nullptr; }
  const Class* class_of() { return &type(); }
  bool is_kind_of(const Class* other) { return other != nullptr && type().derives_from(*other); }
  bool is_equal(const Object* other) { return this == other; }
};

// Messages to classes.
class RootClass final {
 public:
  static Object* alloc(Object* self, Selector /*selector*/) {
    const auto* type = static_cast<Class*>(self);
    Object* made = type->make();
    if (made == nullptr) fault("+[%s alloc]: objects of this class come from others, not from alloc", type->name());
    return made;
  }
  static Object* class_of(Object* self, Selector /*selector*/) { return self; }
};

[[maybe_unused]] const Class& registered = object_class();

[[noreturn]] void unimplemented(const Object& self, Selector selector) {
  const bool is_class = self.type().is_class_of_classes();
  std::fprintf(stderr, "softmetal: unimplemented %c[%s %s]\n", is_class ? '+' : '-', self.type().name(), selector);
  std::abort();
}

}  // namespace

const Class& object_class() {
  static const Class& instance = *new Class("NSObject", nullptr, nullptr,
                                            {{"retain", method<&Root::do_retain>()},
                                             {"release", method<&Root::do_release>()},
                                             {"autorelease", method<&Root::do_autorelease>()},
                                             {"retainCount", method<&Root::retain_count>()},
                                             {"init", method<&Root::init>()},
                                             {"respondsToSelector:", method<&Root::responds_to>()},
                                             {"class", method<&Root::class_of>()},
                                             {"isKindOfClass:", method<&Root::is_kind_of>()},
                                             {"isEqual:", method<&Root::is_equal>()}},
                                            {{"alloc", reinterpret_cast<Implementation>(&RootClass::alloc)},
                                             {"new", reinterpret_cast<Implementation>(&RootClass::alloc)},
                                             {"class", reinterpret_cast<Implementation>(&RootClass::class_of)},
                                             {"respondsToSelector:", method<&Root::responds_to>()}});
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
