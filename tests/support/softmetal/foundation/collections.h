// SPDX-License-Identifier: Apache-2.0
// NSArray, NSDictionary (keys are strings) and NSNumber: as much as Metal's interfaces need. The mutable ones too.
#pragma once

#include <string>
#include <vector>

#include "foundation/string.h"

namespace softmetal {

class Array final : public Object {
 public:
  explicit Array(std::vector<Ref<Object>> objects = {});

  [[nodiscard]] const std::vector<Ref<Object>>& objects() const { return objects_; }

  static Array* empty();
  static Array* with_object(Object* object);
  static Array* with_objects(Object* const* objects, unsigned long n);
  Array* init_with_objects(Object* const* objects, unsigned long n);
  void add(Object* object) { objects_.emplace_back(object); }
  unsigned long count() { return objects_.size(); }
  Object* at(unsigned long i);
  Object* first() { return objects_.empty() ? nullptr : objects_.front().get(); }

 protected:
  void dealloc() override { objects_.clear(); }

 private:
  std::vector<Ref<Object>> objects_;
};

class Dictionary final : public Object {
 public:
  struct Entry {
    Ref<String> key;
    Ref<Object> value;
  };
  Dictionary();

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

  static Dictionary* empty();
  static Dictionary* with_object(Object* value, String* key);
  static Dictionary* with_objects(Object* const* values, String* const* keys, unsigned long n);
  Dictionary* init_with_objects(Object* const* values, String* const* keys, unsigned long n);
  void set(Object* value, String* key);
  Object* value_of(const String* key);
  unsigned long count() { return entries_.size(); }

 protected:
  void dealloc() override { entries_.clear(); }

 private:
  std::vector<Entry> entries_;
};

/// Of integers and truth values, which is what preprocessor macros are.
class Number final : public Object {
 public:
  Number();
  static Number* with_int(int value);
  static Number* with_bool(bool value);
  static Number* with_unsigned_long(unsigned long value);
  int int_value() { return static_cast<int>(value_); }
  bool bool_value() { return value_ != 0; }
  unsigned long unsigned_value() { return static_cast<unsigned long>(value_); }
  [[nodiscard]] std::string text() const { return std::to_string(value_); }

 private:
  long value_ = 0;
};

const Class& array_class();
const Class& dictionary_class();
const Class& number_class();

}  // namespace softmetal
