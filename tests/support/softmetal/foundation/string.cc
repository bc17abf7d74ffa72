// SPDX-License-Identifier: Apache-2.0
#include "foundation/string.h"

#include <utility>

#include "control/control.h"
#include "runtime/autorelease.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

constexpr unsigned long kAscii = 1;
constexpr unsigned long kUtf8 = 4;

void check_encoding(const char* selector, unsigned long encoding) {
  if (encoding != kAscii && encoding != kUtf8) {
    fault("-[NSString %s]: encoding %lu is not modelled, only ASCII and UTF-8", selector, encoding);
  }
}

[[maybe_unused]] const Class& registered = string_class();

}  // namespace

const Class& string_class() {
  static const Class& instance = *new Class("NSString", &object_class(), make<String>,
                                            {{"initWithUTF8String:", method<&String::init_with_utf8>()},
                                             {"initWithCString:encoding:", method<&String::init_with_c_string>()},
                                             {"initWithBytes:length:encoding:", method<&String::init_with_bytes>()},
                                             {"UTF8String", method<&String::utf8>()},
                                             {"cStringUsingEncoding:", method<&String::c_string>()},
                                             {"length", method<&String::length>()},
                                             {"lengthOfBytesUsingEncoding:", method<&String::n_bytes>()},
                                             {"isEqualToString:", method<&String::is_equal_to>()}},
                                            {{"stringWithUTF8String:", method<&String::with_utf8>()},
                                             {"stringWithCString:encoding:", method<&String::with_c_string>()}});
  return instance;
}

String::String(std::string text) : Object(string_class()), text_(std::move(text)) {}

String* String::with_utf8(const char* text) { return make_string(text); }

String* String::with_c_string(const char* text, unsigned long encoding) {
  check_encoding("stringWithCString:encoding:", encoding);
  return make_string(text);
}

String* String::init_with_utf8(const char* text) {
  text_ = text;
  return this;
}

String* String::init_with_c_string(const char* text, unsigned long encoding) {
  check_encoding("initWithCString:encoding:", encoding);
  text_ = text;
  return this;
}

String* String::init_with_bytes(const void* bytes, unsigned long n_bytes, unsigned long encoding) {
  check_encoding("initWithBytes:length:encoding:", encoding);
  text_.assign(static_cast<const char*>(bytes), n_bytes);
  return this;
}

String* make_string(std::string text) { return autoreleased(new String(std::move(text))); }

std::string text_of(const String* string) { return string != nullptr ? string->text() : std::string(); }

}  // namespace softmetal
