// SPDX-License-Identifier: Apache-2.0
// See schema_merge.h. Keywords of one side are copied; of those that both have, each kind has its rule.
#include "grammar/schema_merge.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "grammar/schema_keywords.h"

namespace marlin {
namespace {

namespace json = boost::json;

json::value both_of(const json::value& a, const json::value& b) {
  if (a == b || b == true) return a;
  if (a == true) return b;
  if (a == false || b == false) return false;
  return {{"allOf", {a, b}}};
}

json::array type_names(JsonTypes types) {
  json::array names;
  if ((types & json_type::kNull) != 0) names.emplace_back("null");
  if ((types & json_type::kBoolean) != 0) names.emplace_back("boolean");
  if ((types & json_type::kObject) != 0) names.emplace_back("object");
  if ((types & json_type::kArray) != 0) names.emplace_back("array");
  if ((types & json_type::kString) != 0) names.emplace_back("string");
  if ((types & json_type::kNumber) != 0) names.emplace_back((types & json_type::kFraction) != 0 ? "number" : "integer");
  return names;
}

bool holds_value(const json::array& array, const json::value& value) {
  return std::find(array.begin(), array.end(), value) != array.end();
}

json::array common_values(const json::array& a, const json::array& b) {
  json::array common;
  std::copy_if(a.begin(), a.end(), std::back_inserter(common), [&](const json::value& v) { return holds_value(b, v); });
  return common;
}

json::array all_values(json::array a, const json::array& b) {
  for (const json::value& value : b) {
    if (!holds_value(a, value)) a.push_back(value);
  }
  return a;
}

/// The properties of `a`, each with what `b` says of it; of those that `b` has as well only if `shared`.
void add_properties(json::object& merged, const json::object& a, const json::object& b, bool shared,
                    const std::string& pointer) {
  const json::object* own = object_under(a, "properties", pointer);
  const json::object* other = object_under(b, "properties", pointer);
  const json::value* other_rest = b.if_contains("additionalProperties");
  if (own == nullptr) return;
  for (const auto& member : *own) {
    const json::value* same = other == nullptr ? nullptr : other->if_contains(member.key());
    if (same != nullptr && !shared) continue;
    const json::value* said = same != nullptr ? same : other_rest;
    merged[member.key()] = said == nullptr ? member.value() : both_of(member.value(), *said);
  }
}

bool differs(const json::object& a, const json::object& b, std::string_view keyword) {
  const json::value* left = a.if_contains(keyword);
  const json::value* right = b.if_contains(keyword);
  return (left == nullptr) != (right == nullptr) || (left != nullptr && *left != *right);
}

/// Which item an `items` speaks of depends on `prefixItems`.
void check_items(const json::object& a, const json::object& b, const std::string& pointer) {
  const auto speaks = [](const json::object& o) { return o.contains("items") || o.contains("prefixItems"); };
  const bool has_prefix = a.contains("prefixItems") || b.contains("prefixItems");
  if (speaks(a) && speaks(b) && has_prefix && (differs(a, b, "items") || differs(a, b, "prefixItems"))) {
    fail_unsupported(pointer, "'prefixItems' cannot be combined with other items");
  }
}

json::value merge_keyword(std::string_view keyword, const json::value& a, const json::value& b,
                          const std::string& pointer) {
  if (a == b) return a;
  if (keyword == "items" || keyword == "additionalProperties") return both_of(a, b);
  if (a.is_array() && b.is_array()) {
    if (keyword == "required") return all_values(a.get_array(), b.get_array());
    if (keyword == "enum") return common_values(a.get_array(), b.get_array());
  }
  if (keyword == "const") return nullptr;  // the caller has seen that they differ
  if (a.is_number() && b.is_number()) {
    const bool a_is_less = a.to_number<double>() < b.to_number<double>();
    if (keyword.starts_with("min") || keyword == "exclusiveMinimum") return a_is_less ? b : a;
    if (keyword.starts_with("max") || keyword == "exclusiveMaximum") return a_is_less ? a : b;
  }
  fail_unsupported(pointer, fmt::format("two different '{}' cannot be combined", keyword));
}

}  // namespace

json::value merge_schemas(const json::value& left, const json::value& right, const std::string& pointer) {
  if (left == false || right == false) return false;
  if (left == true) return right;
  if (right == true) return left;
  const json::object& a = left.get_object();
  const json::object& b = right.get_object();
  check_items(a, b, pointer);
  if (a.contains("const") && b.contains("const") && differs(a, b, "const")) return false;
  json::object merged = a;
  for (const auto& member : b) {
    const json::string_view key = member.key();
    if (!is_restricting({key.data(), key.size()}) || key == "properties" || key == "type") continue;
    json::value& value = merged[key];
    const bool in_both = a.contains(key);
    value = in_both ? merge_keyword({key.data(), key.size()}, value, member.value(), pointer) : member.value();
  }
  if (b.contains("type")) {
    const JsonTypes types = types_of(b, pointer) & (a.contains("type") ? types_of(a, pointer) : json_type::kAll);
    if (types == 0) return false;
    merged["type"] = type_names(types);
  }
  if (a.contains("properties") || b.contains("properties")) {
    json::object properties;
    add_properties(properties, a, b, true, pointer);
    add_properties(properties, b, a, false, pointer);
    merged["properties"] = std::move(properties);
  }
  return merged;
}

}  // namespace marlin
