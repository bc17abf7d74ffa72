// SPDX-License-Identifier: Apache-2.0
// JsonReader: the conversions and their error messages.
#include "io/json_reader.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "io/json.h"

namespace marlin {

namespace json = boost::json;

namespace {

/// The value as an error message shows it: short, and never a whole nested structure.
std::string shown(const json::value& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  return excerpt(json::serialize(value));
}

}  // namespace

JsonReader JsonReader::of_document(const json::value& value, std::string document) {
  const json::object* object = value.if_object();
  if (object == nullptr) {
    fail(ErrorCode::kBadFile, "{} must hold a JSON object at its top, not {}", document, shown(value));
  }
  return {*object, std::move(document)};
}

const json::value* JsonReader::find(std::string_view key) const {
  const json::value* value = object_->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const json::value& JsonReader::require(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) fail(ErrorCode::kBadFile, "{}: the key '{}' is missing", document_, key);
  return *value;
}

void JsonReader::fail_type(std::string_view key, std::string_view wanted, const json::value& got) const {
  fail(ErrorCode::kBadFile, "{}: '{}' must be {}, not {}", document_, key, wanted, shown(got));
}

std::int64_t JsonReader::to_integer(std::string_view key, const json::value& value, IntegerRange range) const {
  std::int64_t number = 0;
  if (const auto* integer = value.if_int64()) {
    number = *integer;
  } else if (const auto* real = value.if_double();
             real != nullptr && std::fabs(*real) <= 0x1p53 && std::trunc(*real) == *real) {
    number = static_cast<std::int64_t>(*real);
  } else {
    fail_type(key, "an integer", value);
  }
  if (number < range.min || number > range.max) {
    fail(ErrorCode::kBadFile, "{}: '{}' is {}, outside {}..{}", document_, key, number, range.min, range.max);
  }
  return number;
}

double JsonReader::to_number(std::string_view key, const json::value& value, NumberRange range) const {
  double number = 0;
  if (const auto* real = value.if_double()) {
    number = *real;
  } else if (const auto* integer = value.if_int64()) {
    number = static_cast<double>(*integer);
  } else if (const auto* natural = value.if_uint64()) {
    number = static_cast<double>(*natural);
  } else {
    fail_type(key, "a number", value);
  }
  if (!std::isfinite(number)) fail_type(key, "a finite number", value);
  if (number < range.min || number > range.max) {
    fail(ErrorCode::kBadFile, "{}: '{}' is {}, outside {}..{}", document_, key, number, range.min, range.max);
  }
  return number;
}

bool JsonReader::to_boolean(std::string_view key, const json::value& value) const {
  const bool* truth = value.if_bool();
  if (truth == nullptr) fail_type(key, "true or false", value);
  return *truth;
}

std::string_view JsonReader::to_string(std::string_view key, const json::value& value) const {
  const json::string* text = value.if_string();
  if (text == nullptr) fail_type(key, "a string", value);
  return {text->data(), text->size()};
}

std::int64_t JsonReader::integer(std::string_view key, IntegerRange range) const {
  return to_integer(key, require(key), range);
}

std::optional<std::int64_t> JsonReader::optional_integer(std::string_view key, IntegerRange range) const {
  const json::value* value = find(key);
  return value == nullptr ? std::nullopt : std::optional(to_integer(key, *value, range));
}

double JsonReader::number(std::string_view key, NumberRange range) const { return to_number(key, require(key), range); }

std::optional<double> JsonReader::optional_number(std::string_view key, NumberRange range) const {
  const json::value* value = find(key);
  return value == nullptr ? std::nullopt : std::optional(to_number(key, *value, range));
}

bool JsonReader::boolean(std::string_view key) const { return to_boolean(key, require(key)); }

std::optional<bool> JsonReader::optional_boolean(std::string_view key) const {
  const json::value* value = find(key);
  return value == nullptr ? std::nullopt : std::optional(to_boolean(key, *value));
}

std::string_view JsonReader::string(std::string_view key) const { return to_string(key, require(key)); }

std::optional<std::string_view> JsonReader::optional_string(std::string_view key) const {
  const json::value* value = find(key);
  return value == nullptr ? std::nullopt : std::optional(to_string(key, *value));
}

std::optional<JsonReader> JsonReader::optional_object(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const json::object* object = value->if_object();
  if (object == nullptr) fail_type(key, "an object", *value);
  return JsonReader(*object, fmt::format("{}, {}", document_, key));
}

const json::array* JsonReader::optional_array(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) return nullptr;
  const json::array* array = value->if_array();
  if (array == nullptr) fail_type(key, "an array", *value);
  return array;
}

}  // namespace marlin
