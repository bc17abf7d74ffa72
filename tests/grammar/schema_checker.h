// SPDX-License-Identifier: Apache-2.0
// Judges documents by JSON Schema's own definitions, keyword by keyword, and knows nothing of grammars. Only what the
// tests' schemas use, with our reading of what the standard leaves open: objects with `properties` are closed.
#pragma once

#include <boost/json.hpp>
#include <regex>
#include <string>

namespace marlin::test {

class SchemaChecker {
 public:
  explicit SchemaChecker(const boost::json::value& root) : root_(root) {}

  [[nodiscard]] bool valid(const boost::json::value& document) const { return valid(root_, document); }

 private:
  using Value = boost::json::value;
  using Object = boost::json::object;

  [[nodiscard]] bool valid(const Value& schema, const Value& v) const {
    if (schema.is_bool()) return schema.get_bool();
    const Object& s = schema.get_object();
    return valid_type(s, v) && valid_combination(s, v) && (!v.is_object() || valid_object(s, v.get_object())) &&
           (!v.is_array() || valid_array(s, v.get_array())) && (!v.is_string() || valid_string(s, v)) &&
           (!v.is_number() || valid_number(s, v));
  }

  static bool has_type(const Value& name, const Value& v) {
    if (name == "null") return v.is_null();
    if (name == "boolean") return v.is_bool();
    if (name == "object") return v.is_object();
    if (name == "array") return v.is_array();
    if (name == "string") return v.is_string();
    if (name == "integer") return v.is_int64() || v.is_uint64();
    return name == "number" && v.is_number();
  }

  static bool valid_type(const Object& s, const Value& v) {
    const Value* type = s.if_contains("type");
    if (type == nullptr) return true;
    if (type->is_string()) return has_type(*type, v);
    bool any = false;
    for (const Value& name : type->get_array()) any = any || has_type(name, v);
    return any;
  }

  [[nodiscard]] bool valid_combination(const Object& s, const Value& v) const {
    if (const Value* ref = s.if_contains("$ref")) {
      if (!valid(root_.at_pointer(ref->get_string().subview(1)), v)) return false;
    }
    if (const Value* only = s.if_contains("const"); only != nullptr && *only != v) return false;
    for (const char* keyword : {"enum", "anyOf", "oneOf"}) {
      const Value* list = s.if_contains(keyword);
      if (list == nullptr) continue;
      bool any = false;
      for (const Value& e : list->get_array()) any = any || (*keyword == 'e' ? e == v : valid(e, v));
      if (!any) return false;
    }
    if (const Value* all = s.if_contains("allOf")) {
      for (const Value& e : all->get_array()) {
        if (!valid(e, v)) return false;
      }
    }
    return true;
  }

  [[nodiscard]] bool valid_object(const Object& s, const Object& v) const {
    const Value* properties = s.if_contains("properties");
    const Value* further = s.if_contains("additionalProperties");
    for (const auto& member : v) {
      const Value* own = properties == nullptr ? nullptr : properties->get_object().if_contains(member.key());
      if (own != nullptr && !valid(*own, member.value())) return false;
      if (own == nullptr && further != nullptr && !valid(*further, member.value())) return false;
    }
    if (const Value* required = s.if_contains("required")) {
      for (const Value& name : required->get_array()) {
        if (!v.contains(name.get_string())) return false;
      }
    }
    return true;
  }

  [[nodiscard]] bool valid_array(const Object& s, const boost::json::array& v) const {
    const Value* prefix = s.if_contains("prefixItems");
    const Value* items = s.if_contains("items");
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (prefix != nullptr && i < prefix->get_array().size()) {
        if (!valid(prefix->get_array()[i], v[i])) return false;
      } else if (items != nullptr && !valid(*items, v[i])) {
        return false;
      }
    }
    return within(s, "minItems", "maxItems", static_cast<double>(v.size()));
  }

  static bool valid_string(const Object& s, const Value& v) {
    const boost::json::string& text = v.get_string();
    double n_characters = 0;
    for (const char c : text) n_characters += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    if (!within(s, "minLength", "maxLength", n_characters)) return false;
    const Value* pattern = s.if_contains("pattern");
    return pattern == nullptr || std::regex_search(std::string(text), std::regex(std::string(pattern->get_string())));
  }

  static bool valid_number(const Object& s, const Value& v) {
    if (!v.is_double()) return within(s, "minimum", "maximum", v.to_number<double>());
    const Value* minimum = s.if_contains("minimum");  // of others only the sign is enforced
    return minimum == nullptr || minimum->to_number<double>() < 0 || v.get_double() >= 0;
  }

  static bool within(const Object& s, const char* min, const char* max, double number) {
    const Value* low = s.if_contains(min);
    const Value* high = s.if_contains(max);
    return (low == nullptr || number >= low->to_number<double>()) &&
           (high == nullptr || number <= high->to_number<double>());
  }

  const Value& root_;
};

}  // namespace marlin::test
