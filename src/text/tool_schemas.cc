// SPDX-License-Identifier: Apache-2.0
// Reading types out of JSON Schema. A schema is a client's, so the walk has a budget: references may go in circles.
#include "text/tool_schemas.h"

#include <utility>

namespace marlin {
namespace {

namespace json = boost::json;

JsonTypes type_named(std::string_view name) {
  constexpr std::pair<std::string_view, JsonTypes> kNames[] = {
      {"null", kJsonNull},   {"boolean", kJsonBoolean}, {"string", kJsonString}, {"number", kJsonNumber | kJsonInteger},
      {"array", kJsonArray}, {"integer", kJsonInteger}, {"object", kJsonObject},
  };
  for (const auto& [known, types] : kNames) {
    if (name == known) return types;
  }
  return kJsonUnknown;
}

// "string", or ["string", "null"].
JsonTypes types_named(const json::value& names) {
  if (const json::string* name = names.if_string()) return type_named(*name);
  JsonTypes types = kJsonUnknown;
  if (const json::array* list = names.if_array()) {
    for (const json::value& name : *list) {
      if (name.is_string()) types |= type_named(name.get_string());
    }
  }
  return types;
}

/// Walks the schema of one argument: kMaxSteps subschemas and values of enums at most, kMaxDepth deep. A client may
/// send very many arguments that all refer to the same large schema.
class SchemaWalk {
 public:
  /// `parameters` is what references start from.
  explicit SchemaWalk(const json::value& parameters) : parameters_(parameters) {}

  JsonTypes types(const json::value& schema, int depth = 0) {  // NOLINT(misc-no-recursion): kMaxDepth
    const json::object* object = schema.if_object();
    if (object == nullptr || depth > kMaxDepth || ++n_steps_ > kMaxSteps) return kJsonUnknown;
    if (const json::value* names = object->if_contains("type")) return types_named(*names);
    if (const json::value* value = object->if_contains("const")) return json_types_of(*value);
    JsonTypes found = kJsonUnknown;
    if (const json::array* values = array_in(*object, "enum")) {
      for (const json::value& value : *values) {
        if (++n_steps_ > kMaxSteps) break;  // the others will not differ
        found |= json_types_of(value);
      }
      return found;
    }
    if (const json::value* reference = object->if_contains("$ref")) return types_at(*reference, depth);
    for (const std::string_view key : {"anyOf", "oneOf", "allOf"}) {
      const json::array* parts = array_in(*object, key);
      if (parts == nullptr) continue;
      for (const json::value& part : *parts) {
        const JsonTypes allowed = types(part, depth + 1);
        if (allowed == kJsonUnknown && key != "allOf") return kJsonUnknown;  // this alternative allows anything
        found |= allowed;
      }
    }
    return found;
  }

 private:
  static constexpr int kMaxDepth = 8;
  static constexpr int kMaxSteps = 64;
  static constexpr std::size_t kMaxReferenceBytes = 256;

  static const json::array* array_in(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value == nullptr ? nullptr : value->if_array();
  }

  JsonTypes types_at(const json::value& reference, int depth) {  // NOLINT(misc-no-recursion): kMaxDepth
    const json::string* text = reference.if_string();
    if (text == nullptr || !text->starts_with('#') || text->size() > kMaxReferenceBytes) return kJsonUnknown;
    boost::system::error_code error;
    const json::value* schema = parameters_.find_pointer(json::string_view(*text).substr(1), error);
    return schema == nullptr ? kJsonUnknown : types(*schema, depth + 1);
  }

  const json::value& parameters_;
  int n_steps_ = 0;
};

}  // namespace

JsonTypes json_types_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return kJsonNull;
    case json::kind::bool_:
      return kJsonBoolean;
    case json::kind::int64:
    case json::kind::uint64:
      return kJsonInteger;
    case json::kind::double_:
      return kJsonNumber;
    case json::kind::string:
      return kJsonString;
    case json::kind::array:
      return kJsonArray;
    case json::kind::object:
      return kJsonObject;
  }
  return kJsonUnknown;
}

ToolSchemas::ToolSchemas(const json::array& tools) {
  for (const json::value& tool : tools) {
    const json::object* function = tool.if_object();
    if (function == nullptr) continue;
    if (const json::value* inner = function->if_contains("function")) function = inner->if_object();
    const json::value* name = function == nullptr ? nullptr : function->if_contains("name");
    if (name == nullptr || !name->is_string()) continue;
    const auto [entry, added] = functions_.try_emplace(std::string(name->get_string()));
    const json::value* parameters = function->if_contains("parameters");
    if (!added || parameters == nullptr || !parameters->is_object()) continue;
    const json::value* properties = parameters->get_object().if_contains("properties");
    if (properties == nullptr || !properties->is_object()) continue;
    for (const auto& property : properties->get_object()) {
      entry->second.emplace(property.key(), SchemaWalk(*parameters).types(property.value()));
    }
  }
}

JsonTypes ToolSchemas::types(std::string_view function, std::string_view argument) const {
  const auto found = functions_.find(function);
  if (found == functions_.end()) return kJsonUnknown;
  const auto types = found->second.find(argument);
  return types == found->second.end() ? kJsonUnknown : types->second;
}

}  // namespace marlin
