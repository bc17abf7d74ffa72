// SPDX-License-Identifier: Apache-2.0
// See schema_keywords.h.
#include "grammar/schema_keywords.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "io/json.h"

namespace marlin {
namespace {

namespace json = boost::json;

struct Keyword {
  std::string_view name;
  bool is_enforced;
  JsonTypes about;  // the types it speaks of, if it lets pass all values of others
};

constexpr std::array kKeywords = std::to_array<Keyword>({
    {"$ref", true, 0},
    {"additionalProperties", true, json_type::kObject},
    {"allOf", true, 0},
    {"anyOf", true, 0},
    {"const", true, 0},
    {"enum", true, 0},
    {"exclusiveMaximum", true, json_type::kNumber},
    {"exclusiveMinimum", true, json_type::kNumber},
    {"format", true, 0},  // alone it says little
    {"items", true, json_type::kArray},
    {"maxItems", true, json_type::kArray},
    {"maxLength", true, json_type::kString},
    {"maximum", true, json_type::kNumber},
    {"minItems", true, json_type::kArray},
    {"minLength", true, json_type::kString},
    {"minimum", true, json_type::kNumber},
    {"oneOf", true, 0},
    {"pattern", true, json_type::kString},
    {"prefixItems", true, json_type::kArray},
    {"properties", true, json_type::kObject},
    {"required", true, json_type::kObject},
    {"type", true, 0},
    {"$dynamicRef", false, 0},
    {"$recursiveRef", false, 0},
    {"additionalItems", false, 0},
    {"contains", false, 0},
    {"dependencies", false, 0},
    {"dependentRequired", false, 0},
    {"dependentSchemas", false, 0},
    {"if", false, 0},
    {"maxProperties", false, 0},
    {"minProperties", false, 0},
    {"multipleOf", false, 0},
    {"not", false, 0},
    {"patternProperties", false, 0},
    {"propertyNames", false, 0},
    {"unevaluatedItems", false, 0},
    {"unevaluatedProperties", false, 0},
    {"uniqueItems", false, 0},
});

const Keyword* find_keyword(std::string_view name) {
  const auto found = std::find_if(kKeywords.begin(), kKeywords.end(), [&](const Keyword& k) { return k.name == name; });
  return found == kKeywords.end() ? nullptr : &*found;
}

/// Values with which an unsupported keyword restricts nothing.
bool is_harmless(std::string_view keyword, const json::value& value) {
  if (keyword == "uniqueItems") return value == false;
  if (keyword == "minProperties") return value == 0;
  if (keyword == "patternProperties" || keyword.starts_with("depend")) {
    return value.is_object() && value.get_object().empty();
  }
  return (keyword.starts_with("unevaluated") || keyword == "additionalItems" || keyword == "propertyNames") &&
         value == true;
}

JsonTypes type_named(std::string_view name, const std::string& pointer) {
  if (name == "null") return json_type::kNull;
  if (name == "boolean") return json_type::kBoolean;
  if (name == "object") return json_type::kObject;
  if (name == "array") return json_type::kArray;
  if (name == "string") return json_type::kString;
  if (name == "integer") return json_type::kInteger;
  if (name == "number") return json_type::kNumber;
  fail_malformed(pointer, fmt::format("'{}' is not a type", excerpt(name)));
}

}  // namespace

bool is_restricting(std::string_view keyword) { return find_keyword(keyword) != nullptr; }

void check_keywords(const json::object& schema, const std::string& pointer) {
  for (const auto& member : schema) {
    const Keyword* keyword = find_keyword({member.key().data(), member.key().size()});
    if (keyword != nullptr && !keyword->is_enforced && !is_harmless(keyword->name, member.value())) {
      fail_unsupported(pointer, fmt::format("'{}' is not supported", keyword->name));
    }
  }
}

JsonTypes types_of(const json::object& schema, const std::string& pointer) {
  JsonTypes types = 0;
  if (const json::value* type = schema.if_contains("type")) {
    const std::string here = pointer_to(pointer, "type");
    if (const auto* name = type->if_string()) return type_named({name->data(), name->size()}, here);
    if (!type->is_array()) fail_malformed(here, "it must be the name of a type or a list of them");
    for (const json::value& element : type->get_array()) {
      const auto* name = element.if_string();
      if (name == nullptr) fail_malformed(here, "it must be the name of a type or a list of them");
      types |= type_named({name->data(), name->size()}, here);
    }
    return types;
  }
  for (const auto& member : schema) {
    if (const Keyword* keyword = find_keyword({member.key().data(), member.key().size()})) types |= keyword->about;
  }
  return types == 0 ? json_type::kAll : types;
}

JsonTypes type_of_value(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return json_type::kNull;
    case json::kind::bool_:
      return json_type::kBoolean;
    case json::kind::object:
      return json_type::kObject;
    case json::kind::array:
      return json_type::kArray;
    case json::kind::string:
      return json_type::kString;
    case json::kind::double_:
      return json_type::kFraction;
    default:
      return json_type::kInteger;
  }
}

const json::object* object_under(const json::object& schema, const char* keyword, const std::string& pointer) {
  const json::value* value = schema.if_contains(keyword);
  if (value != nullptr && !value->is_object()) fail_malformed(pointer_to(pointer, keyword), "it must be an object");
  return value == nullptr ? nullptr : value->if_object();
}

const json::array* array_under(const json::object& schema, const char* keyword, const std::string& pointer) {
  const json::value* value = schema.if_contains(keyword);
  if (value != nullptr && !value->is_array()) fail_malformed(pointer_to(pointer, keyword), "it must be an array");
  return value == nullptr ? nullptr : value->if_array();
}

std::optional<std::uint32_t> count_under(const json::object& schema, const char* keyword, const std::string& pointer) {
  const json::value* value = schema.if_contains(keyword);
  if (value == nullptr) return std::nullopt;
  json::error_code error;
  const auto count = value->to_number<std::uint32_t>(error);
  if (error || count == UINT32_MAX) {
    fail_malformed(pointer_to(pointer, keyword), "it must be an integer from 0 to 4294967294");
  }
  return count;
}

std::string pointer_to(const std::string& pointer, std::string_view step) {
  std::string result = pointer + '/';
  for (const char c : step) {
    if (c == '~') {
      result += "~0";
    } else if (c == '/') {
      result += "~1";
    } else {
      result += c;
    }
  }
  return result;
}

void fail_malformed(const std::string& pointer, std::string_view what) {
  fail(ErrorCode::kInvalidArgument, "JSON schema, {}: {}", excerpt(pointer), what);
}

void fail_unsupported(const std::string& pointer, std::string_view what) {
  fail(ErrorCode::kUnsupported, "JSON schema, {}: {}", excerpt(pointer), what);
}

}  // namespace marlin
