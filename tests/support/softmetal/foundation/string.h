// SPDX-License-Identifier: Apache-2.0
// NSString, of UTF-8.
#pragma once

#include <string>

#include "runtime/object.h"

namespace softmetal {

class String final : public Object {
 public:
  explicit String(std::string text = {});

  [[nodiscard]] const std::string& text() const { return text_; }

  static String* with_utf8(const char* text);
  static String* with_c_string(const char* text, unsigned long encoding);
  String* init_with_utf8(const char* text);
  String* init_with_c_string(const char* text, unsigned long encoding);
  String* init_with_bytes(const void* bytes, unsigned long n_bytes, unsigned long encoding);
  const char* utf8() { return text_.c_str(); }
  const char* c_string(unsigned long /*encoding*/) { return text_.c_str(); }
  unsigned long length() { return text_.size(); }
  unsigned long n_bytes(unsigned long /*encoding*/) { return text_.size(); }
  bool is_equal_to(const String* other) { return other != nullptr && text_ == other->text_; }

 private:
  std::string text_;
};

const Class& string_class();

/// A new string of the caller's pool.
String* make_string(std::string text);
/// The text, or nothing for nil.
[[nodiscard]] std::string text_of(const String* string);

}  // namespace softmetal
