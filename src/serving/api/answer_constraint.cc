// SPDX-License-Identifier: Apache-2.0
#include "serving/api/answer_constraint.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "grammar/json_schema.h"
#include "grammar/marked_text.h"
#include "grammar/regex_grammar.h"
#include "io/json.h"
#include "serving/api/tool_call_grammar.h"
#include "text/json_argument.h"
#include "text/output_marker.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxTools = 128;
constexpr std::size_t kMaxChoiceTexts = 1024;

/// Adds the answer's text to a grammar.
using AnswerText = std::function<Expr(JsonRules& rules)>;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

/// What `make` fails with, with the field in front.
template <typename Make>
auto in_field(std::string_view field, const Make& make) {
  try {
    return make();
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", field, error.what());
  }
}

AnswerText any_object() {
  return [](JsonRules& rules) { return rules.any_object(); };
}

/// `schema` may be the text of one, as vLLM allows.
AnswerText schema_text(std::string field, const json::value& schema) {
  json::value parsed = schema.is_string() ? parse_json(view(schema.get_string()), field) : schema;
  return [field = std::move(field), parsed = std::move(parsed)](JsonRules& rules) {
    return in_field(field, [&] { return json_schema_text(rules, parsed); });
  };
}

AnswerText pattern_text(std::string field, const json::value& pattern) {
  if (!pattern.is_string()) fail(ErrorCode::kInvalidArgument, "{}: a regular expression is needed", field);
  return [field = std::move(field), pattern = std::string(view(pattern.get_string()))](JsonRules& rules) {
    return matching_text(rules.builder(), pattern, PatternExtent::kWholeText, field);
  };
}

AnswerText choice_text(std::string_view field, const json::value& texts) {
  std::vector<std::string> choices;
  const bool is_list = texts.is_array() && !texts.get_array().empty() && texts.get_array().size() <= kMaxChoiceTexts;
  for (const json::value& text : is_list ? texts.get_array() : json::array{nullptr}) {
    if (!text.is_string() || text.get_string().empty()) {
      fail(ErrorCode::kInvalidArgument, "{}: a list of 1 to {} texts is needed, none empty", field, kMaxChoiceTexts);
    }
    choices.emplace_back(view(text.get_string()));
  }
  return [choices = std::move(choices)](JsonRules& rules) { return rules.builder().choice_of_literals(choices); };
}

std::optional<AnswerText> response_format(const JsonReader& fields) {
  const auto format = fields.optional_object("response_format");
  if (!format) return std::nullopt;
  const std::string_view type = format->string("type");
  if (type == "text") return std::nullopt;
  if (type == "json_object") {  // llama.cpp allows a schema here
    return format->has("schema") ? schema_text("response_format, schema", format->json().at("schema")) : any_object();
  }
  if (type != "json_schema") {
    fail(ErrorCode::kInvalidArgument, "response_format, type: text, json_object or json_schema, not '{}'",
         excerpt(type));
  }
  const auto schema = format->optional_object("json_schema");
  if (!schema || !schema->has("schema")) {
    fail(ErrorCode::kInvalidArgument, R"(response_format: {{"json_schema": {{"schema": ...}}}} is needed)");
  }
  return schema_text("response_format, json_schema, schema", schema->json().at("schema"));
}

/// The text that the fields ask for, by whichever name; not the calls of tool_choice.
std::optional<AnswerText> wanted_text(const JsonReader& fields) {
  std::vector<std::pair<std::string, AnswerText>> wanted;
  if (auto text = response_format(fields)) wanted.emplace_back("response_format", *std::move(text));
  const auto read = [&](const JsonReader& from, const std::string& prefix, const char* key, auto make) {
    const std::string field = prefix + key;
    if (from.has(key)) wanted.emplace_back(field, make(field, from.json().at(key)));
  };
  read(fields, "", "json_schema", schema_text);
  read(fields, "", "guided_json", schema_text);
  read(fields, "", "guided_regex", pattern_text);
  read(fields, "", "guided_choice", choice_text);
  if (const auto outputs = fields.optional_object("structured_outputs")) {
    read(*outputs, "structured_outputs, ", "json", schema_text);
    read(*outputs, "structured_outputs, ", "regex", pattern_text);
    read(*outputs, "structured_outputs, ", "choice", choice_text);
    if (outputs->optional_boolean("json_object").value_or(false)) {
      wanted.emplace_back("structured_outputs, json_object", any_object());
    }
    if (wanted.empty()) fail(ErrorCode::kUnsupported, "structured_outputs: json, json_object, regex or choice");
  }
  for (const char* key : {"grammar", "guided_grammar"}) {
    if (fields.has(key))
      fail(ErrorCode::kUnsupported, "{}: only JSON schemas, patterns and choices are supported", key);
  }
  if (wanted.size() > 1) {
    fail(ErrorCode::kInvalidArgument, "{} and {} cannot be combined", wanted[0].first, wanted[1].first);
  }
  return wanted.empty() ? std::nullopt : std::optional(std::move(wanted[0].second));
}

enum class Calls { kAllowed, kRequired };

struct ToolChoice {
  Calls calls = Calls::kAllowed;
  std::optional<std::string> function;  ///< the only one
};

ToolChoice read_tool_choice(const JsonReader& fields) {
  constexpr const char* kField = "tool_choice";
  if (!fields.has(kField)) return {};
  const json::value& choice = fields.json().at(kField);
  if (choice == "auto" || choice == "none") return {};
  if (choice == "required") return {.calls = Calls::kRequired, .function = {}};
  const auto object = choice.is_object() ? fields.optional_object(kField) : std::nullopt;
  if (!object || object->optional_string("type") != "function") {
    fail(ErrorCode::kInvalidArgument,
         R"(tool_choice: "none", "auto", "required" or {{"type": "function", "function": {{"name": ...}}}})");
  }
  const auto function = object->optional_object("function");
  return {.calls = Calls::kRequired, .function = std::string((function ? *function : *object).string("name"))};
}

json::array only_tool(const json::array& tools, const std::string& name) {
  for (const json::value& tool : tools) {
    if (tool_name(tool) == name) return json::array{tool};
  }
  fail(ErrorCode::kInvalidArgument, "tool_choice: there is no function '{}' among the tools", excerpt(name));
}

/// One call, or several if the request lets them come together.
Expr calls_of(JsonRules& rules, const OutputFormat& format, const json::array& tools, bool several) {
  GrammarBuilder& builder = rules.builder();
  if (tools.size() > kMaxTools) fail(ErrorCode::kInvalidArgument, "tools: at most {} with tool_choice", kMaxTools);
  const Rule call = builder.declare("a tool call");
  builder.define(call, tool_call(rules, format.tool_calls, tools));
  const Expr next = builder.sequence({builder.optional(builder.literal("\n")), builder.reference(call)});
  return builder.sequence({builder.reference(call), builder.repeat(next, 0, several ? kUnbounded : 0)});
}

/// What may come before the answer: reasoning that the prompt has opened, that the model may open itself, or, where the
/// prompt has closed it, nothing.
Expr reasoning(GrammarBuilder& builder, const OutputFormat& format, const RenderedPrompt& prompt) {
  const std::string_view end = text_of(OutputMarker::kThinkEnd);
  if (!format.reasoning || trimmed_json_space(prompt.text).ends_with(end)) return builder.literal("");
  const Expr rest = builder.sequence({text_up_to(builder, end), builder.repeat(builder.literal("\n"), 0, 2)});
  if (prompt.starts_in_reasoning) return rest;
  return builder.optional(builder.sequence({builder.literal(text_of(OutputMarker::kThink)), rest}));
}

}  // namespace

json::array offered_tools(const JsonReader& fields) {
  const json::array* const tools = fields.optional_array("tools");
  const json::value* const choice = fields.json().if_contains("tool_choice");
  return tools == nullptr || (choice != nullptr && *choice == "none") ? json::array() : *tools;
}

std::optional<Grammar> chat_constraint(const JsonReader& fields, const json::array& tools, const OutputFormat& format,
                                       const RenderedPrompt& prompt) {
  const ToolChoice choice = read_tool_choice(fields);
  const std::optional<AnswerText> text = wanted_text(fields);
  const bool requires_calls = choice.calls == Calls::kRequired;
  if (!requires_calls && !text) return std::nullopt;
  if (requires_calls && tools.empty()) fail(ErrorCode::kInvalidArgument, "tool_choice: there are no tools to call");
  GrammarBuilder builder;
  JsonRules rules(builder);
  std::vector<Expr> answers;
  if (requires_calls || (!tools.empty() && format.tool_calls != ToolCallStyle::kNone)) {
    const bool several = !choice.function && fields.optional_boolean("parallel_tool_calls").value_or(true);
    answers.push_back(calls_of(rules, format, choice.function ? only_tool(tools, *choice.function) : tools, several));
  }
  if (!requires_calls) answers.push_back((*text)(rules));
  const Rule root = builder.declare("the answer");
  builder.define(root, builder.sequence({reasoning(builder, format, prompt), builder.choice(std::move(answers))}));
  return builder.build(root);
}

std::optional<Grammar> completion_constraint(const JsonReader& fields) {
  const std::optional<AnswerText> text = wanted_text(fields);
  if (!text) return std::nullopt;
  GrammarBuilder builder;
  JsonRules rules(builder);
  const Rule root = builder.declare("the answer");
  builder.define(root, (*text)(rules));
  return builder.build(root);
}

}  // namespace marlin::api
