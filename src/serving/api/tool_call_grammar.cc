// SPDX-License-Identifier: Apache-2.0
#include "serving/api/tool_call_grammar.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "grammar/json_schema.h"
#include "grammar/marked_text.h"
#include "grammar/regex_grammar.h"
#include "io/json.h"
#include "text/glm_tool_call.h"
#include "text/output_marker.h"
#include "text/tool_schemas.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }
std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

const json::object& function_of(const json::value& tool) {
  const json::object* object = tool.if_object();
  const json::value* inner = object == nullptr ? nullptr : object->if_contains("function");
  if (inner != nullptr) object = inner->if_object();
  if (object == nullptr) fail(ErrorCode::kInvalidArgument, "tools: a list of functions is needed");
  return *object;
}

/// The schema of the arguments, or null if nothing is said about them.
const json::object* parameters_of(const json::value& tool) {
  const json::value* parameters = function_of(tool).if_contains("parameters");
  if (parameters == nullptr || parameters->is_null()) return nullptr;
  if (!parameters->is_object()) fail(ErrorCode::kInvalidArgument, "parameters must be a JSON schema");
  const json::value* type = parameters->get_object().if_contains("type");
  if (type != nullptr && *type != "object") fail(ErrorCode::kUnsupported, "parameters must be of type object");
  return parameters->get_object().empty() ? nullptr : &parameters->get_object();
}

Expr hermes_call(JsonRules& rules, const json::value& tool) {
  GrammarBuilder& builder = rules.builder();
  const std::string name = json::serialize(json::string(tool_name(tool)));
  const json::object* parameters = parameters_of(tool);
  const Expr arguments =
      parameters == nullptr ? rules.any_object() : json_schema_text(rules, function_of(tool).at("parameters"));
  return builder.sequence({builder.literal("<tool_call>\n{\"name\": " + name + ", \"arguments\": "), arguments,
                           builder.literal("}\n</tool_call>")});
}

class GlmCall {
 public:
  GlmCall(JsonRules& rules, const json::value& tool)
      : rules_(rules), builder_(rules.builder()), tool_(tool), schemas_(json::array{tool}) {}

  Expr run() {
    const std::string_view name = tool_name(tool_);
    if (!std::all_of(name.begin(), name.end(), GlmToolCall::is_name_byte)) {
      fail(ErrorCode::kUnsupported, "this model cannot call a function of that name");
    }
    std::vector<Expr> parts{marker(OutputMarker::kToolCall), builder_.literal(name), line_break()};
    if (parameters_of(tool_) != nullptr) add_arguments(parts);
    parts.push_back(marker(OutputMarker::kToolCallEnd));
    return builder_.sequence(std::move(parts));
  }

 private:
  Expr marker(OutputMarker marker) { return builder_.literal(text_of(marker)); }

  /// GLM-4.5 and 4.6 put one between the parts, later ones do not.
  Expr line_break() { return builder_.optional(builder_.literal("\n")); }

  void add_arguments(std::vector<Expr>& parts) {
    const json::value& schema = function_of(tool_).at("parameters");
    const json::value* properties = schema.get_object().if_contains("properties");
    const json::value* required = schema.get_object().if_contains("required");
    if (properties == nullptr) properties = &kNoProperties;
    if (!properties->is_object()) fail(ErrorCode::kInvalidArgument, "parameters, properties: an object is needed");
    std::size_t n_required = 0;
    for (const auto& property : properties->get_object()) {
      const bool needed = required != nullptr && required->is_array() &&
                          std::find(required->get_array().begin(), required->get_array().end(),
                                    json::value(property.key())) != required->get_array().end();
      n_required += needed ? 1 : 0;
      const Expr pair = argument(schema, view(property.key()), property.value());
      parts.push_back(needed ? pair : builder_.optional(pair));
    }
    for (const char* keyword : {"$ref", "allOf", "anyOf", "oneOf"}) {
      if (schema.get_object().contains(keyword)) {
        fail(ErrorCode::kUnsupported, "parameters: {} beside properties cannot be enforced for this model", keyword);
      }
    }
    if (required != nullptr && (!required->is_array() || required->get_array().size() != n_required)) {
      fail(ErrorCode::kInvalidArgument, "parameters, required: a list of names of properties, each once");
    }
  }

  Expr argument(const json::value& schema, std::string_view key, const json::value& of_key) {
    if (key.find('<') != std::string_view::npos) {
      fail(ErrorCode::kUnsupported, "this model cannot write the argument '{}'", excerpt(key));
    }
    return builder_.sequence({marker(OutputMarker::kArgKey), builder_.literal(key), marker(OutputMarker::kArgKeyEnd),
                              line_break(), marker(OutputMarker::kArgValue), value(schema, key, of_key), line_break()});
  }

  /// With the marker behind it. Where strings are allowed any text is one, and what is not quoted as OutputParser reads
  /// it.
  Expr value(const json::value& schema, std::string_view key, const json::value& of_key) {
    const JsonTypes types = schemas_.types(tool_name(tool_), key);
    if (types == kJsonUnknown || (types & kJsonString) != 0) {
      if (types == kJsonString && of_key.is_object()) return string_value(of_key.get_object(), key);
      return text_up_to(builder_, text_of(OutputMarker::kArgValueEnd));
    }
    return builder_.sequence({json_schema_text(rules_, schema, key), marker(OutputMarker::kArgValueEnd)});
  }

  Expr string_value(const json::object& schema, std::string_view key) {
    if (schema.contains("enum") || schema.contains("const")) return one_of(schema);
    const CodePointSet less{{'<', '<'}};
    const std::string where = fmt::format("argument '{}', pattern", excerpt(key));
    if (const json::value* pattern = schema.if_contains("pattern"); pattern != nullptr && pattern->is_string()) {
      return builder_.sequence(
          {matching_text(builder_, view(pattern->get_string()), PatternExtent::kAnywhere, where, less),
           marker(OutputMarker::kArgValueEnd)});
    }
    const json::value* min = schema.if_contains("minLength");
    const json::value* max = schema.if_contains("maxLength");
    if (min == nullptr && max == nullptr) return text_up_to(builder_, text_of(OutputMarker::kArgValueEnd));
    const Expr character = utf8_character(builder_, CodePointSet::all().without(less));
    return builder_.sequence(
        {builder_.repeat(character, length(min, 0), length(max, kUnbounded)), marker(OutputMarker::kArgValueEnd)});
  }

  static std::uint32_t length(const json::value* value, std::uint32_t absent) {
    if (value == nullptr) return absent;
    if (!value->is_int64() || value->get_int64() < 0 || value->get_int64() > GrammarBuilder::kMaxRepeat) {
      fail(ErrorCode::kInvalidArgument, "minLength and maxLength: at least 0 and at most {}",
           GrammarBuilder::kMaxRepeat);
    }
    return static_cast<std::uint32_t>(value->get_int64());
  }

  Expr one_of(const json::object& schema) {
    std::vector<std::string> texts;
    const auto add = [&](const json::value& value) {
      if (!value.is_string()) return;
      texts.emplace_back(view(value.get_string()));
      if (texts.back().find(text_of(OutputMarker::kArgValueEnd)) != std::string::npos) texts.pop_back();
    };
    if (const json::value* only = schema.if_contains("const")) {
      add(*only);
    } else if (schema.at("enum").is_array()) {
      for (const json::value& value : schema.at("enum").get_array()) add(value);
    }
    if (texts.empty()) fail(ErrorCode::kInvalidArgument, "enum and const of a string: strings are needed");
    return builder_.sequence({builder_.choice_of_literals(std::move(texts)), marker(OutputMarker::kArgValueEnd)});
  }

  static inline const json::value kNoProperties = json::object();

  JsonRules& rules_;
  GrammarBuilder& builder_;
  const json::value& tool_;
  ToolSchemas schemas_;
};

}  // namespace

std::string_view tool_name(const json::value& tool) {
  const json::value* name = function_of(tool).if_contains("name");
  if (name == nullptr || !name->is_string() || name->get_string().empty()) {
    fail(ErrorCode::kInvalidArgument, "tools: a function needs a name");
  }
  return view(name->get_string());
}

Expr tool_call(JsonRules& rules, ToolCallStyle style, const json::array& tools) {
  if (style == ToolCallStyle::kNone) {
    fail(ErrorCode::kUnsupported, "tool_choice: the chat template of this model has no tool calls that are understood");
  }
  std::vector<Expr> calls;
  for (const json::value& tool : tools) {
    try {
      calls.push_back(style == ToolCallStyle::kHermes ? hermes_call(rules, tool) : GlmCall(rules, tool).run());
    } catch (const Error& error) {
      fail(error.code(), "tools, '{}': {}", excerpt(tool_name(tool)), error.what());
    }
  }
  return rules.builder().choice(std::move(calls));
}

}  // namespace marlin::api
