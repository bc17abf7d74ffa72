// SPDX-License-Identifier: Apache-2.0
#include "foundation/collections.h"

#include <utility>

#include "control/control.h"
#include "runtime/autorelease.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

[[maybe_unused]] const Class& registered_array = array_class();
[[maybe_unused]] const Class& registered_dictionary = dictionary_class();
[[maybe_unused]] const Class& registered_number = number_class();
[[maybe_unused]] const Class& registered_mutable_array =
    *new Class("NSMutableArray", &array_class(), make<Array>, {}, {{"array", method<&Array::empty>()}});
[[maybe_unused]] const Class& registered_mutable_dictionary = *new Class(
    "NSMutableDictionary", &dictionary_class(), make<Dictionary>, {}, {{"dictionary", method<&Dictionary::empty>()}});

}  // namespace

const Class& array_class() {
  static const Class& instance = *new Class("NSArray", &object_class(), make<Array>,
                                            {{"count", method<&Array::count>()},
                                             {"objectAtIndex:", method<&Array::at>()},
                                             {"objectAtIndexedSubscript:", method<&Array::at>()},
                                             {"firstObject", method<&Array::first>()},
                                             {"initWithObjects:count:", method<&Array::init_with_objects>()},
                                             {"addObject:", method<&Array::add>()}},
                                            {{"array", method<&Array::empty>()},
                                             {"arrayWithObject:", method<&Array::with_object>()},
                                             {"arrayWithObjects:count:", method<&Array::with_objects>()}});
  return instance;
}

const Class& dictionary_class() {
  static const Class& instance =
      *new Class("NSDictionary", &object_class(), make<Dictionary>,
                 {{"count", method<&Dictionary::count>()},
                  {"objectForKey:", method<&Dictionary::value_of>()},
                  {"initWithObjects:forKeys:count:", method<&Dictionary::init_with_objects>()},
                  {"setObject:forKey:", method<&Dictionary::set>()}},
                 {{"dictionary", method<&Dictionary::empty>()},
                  {"dictionaryWithObject:forKey:", method<&Dictionary::with_object>()},
                  {"dictionaryWithObjects:forKeys:count:", method<&Dictionary::with_objects>()}});
  return instance;
}

const Class& number_class() {
  static const Class& instance = *new Class("NSNumber", &object_class(), nullptr,
                                            {{"intValue", method<&Number::int_value>()},
                                             {"boolValue", method<&Number::bool_value>()},
                                             {"unsignedLongValue", method<&Number::unsigned_value>()}},
                                            {{"numberWithInt:", method<&Number::with_int>()},
                                             {"numberWithBool:", method<&Number::with_bool>()},
                                             {"numberWithUnsignedLong:", method<&Number::with_unsigned_long>()}});
  return instance;
}

Array::Array(std::vector<Ref<Object>> objects) : Object(array_class()), objects_(std::move(objects)) {}

Array* Array::empty() { return autoreleased(new Array); }

Array* Array::with_object(Object* object) { return with_objects(&object, 1); }

Array* Array::with_objects(Object* const* objects, unsigned long n) {
  return autoreleased((new Array)->init_with_objects(objects, n));
}

Array* Array::init_with_objects(Object* const* objects, unsigned long n) {
  for (unsigned long i = 0; i < n; ++i) add(objects[i]);
  return this;
}

Object* Array::at(unsigned long i) {
  if (i < objects_.size()) return objects_[i].get();
  fault("-[NSArray objectAtIndex:]: index %lu of %zu objects", i, objects_.size());
  return nullptr;
}

Dictionary::Dictionary() : Object(dictionary_class()) {}

Dictionary* Dictionary::empty() { return autoreleased(new Dictionary); }

Dictionary* Dictionary::with_object(Object* value, String* key) { return with_objects(&value, &key, 1); }

Dictionary* Dictionary::with_objects(Object* const* values, String* const* keys, unsigned long n) {
  return autoreleased((new Dictionary)->init_with_objects(values, keys, n));
}

Dictionary* Dictionary::init_with_objects(Object* const* values, String* const* keys, unsigned long n) {
  for (unsigned long i = 0; i < n; ++i) set(values[i], keys[i]);
  return this;
}

void Dictionary::set(Object* value, String* key) {
  for (Entry& entry : entries_) {
    if (entry.key->is_equal_to(key)) {
      entry.value = Ref<Object>(value);
      return;
    }
  }
  entries_.push_back({Ref<String>(key), Ref<Object>(value)});
}

Object* Dictionary::value_of(const String* key) {
  for (const Entry& entry : entries_) {
    if (entry.key->is_equal_to(key)) return entry.value.get();
  }
  return nullptr;
}

Number::Number() : Object(number_class()) {}

Number* Number::with_int(int value) {
  auto* made = new Number;
  made->value_ = value;
  return autoreleased(made);
}

Number* Number::with_bool(bool value) { return with_int(value ? 1 : 0); }

Number* Number::with_unsigned_long(unsigned long value) {
  auto* made = new Number;
  made->value_ = static_cast<long>(value);
  return autoreleased(made);
}

}  // namespace softmetal
