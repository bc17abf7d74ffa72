// SPDX-License-Identifier: Apache-2.0
// Evening out messages, choosing the template, and the second chances described in the header.
#include "text/chat_template.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "text/jinja/json_text.h"

namespace marlin {
namespace {

namespace json = boost::json;

constexpr std::string_view kSpecialTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                               "pad_token", "cls_token", "mask_token"};

// The token's text, or nullptr when there is none.
const json::string* token_text(const json::value& token, std::string_view key) {
  if (token.is_null()) return nullptr;
  const json::value* text = &token;
  if (const auto* object = token.if_object()) text = object->if_contains("content");
  if (text == nullptr || !text->is_string()) {
    fail(ErrorCode::kBadFile, "tokenizer_config.json: {} must be a string or an object with a string \"content\"", key);
  }
  return &text->get_string();
}

json::object special_tokens_of(const json::object& config) {
  json::object tokens;
  for (const std::string_view key : kSpecialTokens) {
    const json::value* token = config.if_contains(key);
    if (token == nullptr) continue;
    if (const json::string* text = token_text(*token, key)) tokens[key] = *text;
  }
  if (const json::value* list = config.if_contains("additional_special_tokens"); list != nullptr && list->is_array()) {
    json::array texts;
    for (const json::value& token : list->get_array()) {
      if (const json::string* text = token_text(token, "additional_special_tokens")) texts.emplace_back(*text);
    }
    tokens["additional_special_tokens"] = std::move(texts);
  }
  return tokens;
}

// Calls `change(arguments)` for the arguments of every tool call in `messages`.
template <typename Change>
void for_each_arguments(json::array& messages, Change change) {
  for (json::value& message : messages) {
    if (!message.is_object()) continue;
    json::value* calls = message.get_object().if_contains("tool_calls");
    if (calls == nullptr || !calls->is_array()) continue;
    for (json::value& call : calls->get_array()) {
      if (!call.is_object()) continue;
      json::value* function = call.get_object().if_contains("function");
      json::object* holder = function != nullptr ? function->if_object() : &call.get_object();
      json::value* arguments = holder == nullptr ? nullptr : holder->if_contains("arguments");
      if (arguments != nullptr) change(*arguments);
    }
  }
}

void parse_arguments(json::value& arguments) {
  if (!arguments.is_string()) return;
  const json::string& text = arguments.get_string();
  if (std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; })) {
    arguments = json::object();  // a call without arguments, as some clients send it
    return;
  }
  json::parse_options options;
  options.max_depth = 64;
  boost::system::error_code error;
  json::value parsed = json::parse(text, error, {}, options);
  if (!error && parsed.is_object()) arguments = std::move(parsed);
}

void print_arguments(json::value& arguments, const jinja::Limits& limits) {
  if (!arguments.is_object()) return;
  try {
    jinja::Heap heap(limits);
    arguments = json::string(jinja::to_json(heap, jinja::from_json(heap, arguments, false), {}).bytes());
  } catch (const jinja::Failure& failure) {
    fail(ErrorCode::kTemplate, "arguments of a tool call: {}", failure.message);
  }
}

json::array evened_out(const json::array& messages) {
  json::array out = messages;
  for (json::value& message : out) {
    if (!message.is_object()) continue;
    json::value* content = message.get_object().if_contains("content");
    if (content != nullptr && content->is_null()) *content = "";
  }
  for_each_arguments(out, parse_arguments);
  return out;
}

// `input` as it is to be rendered first: messages evened out, tools and documents None when absent, as transformers
// does.
jinja::Rendering render_with_fallbacks(const jinja::Template& chat_template, const json::object& trusted,
                                       const json::object& input, const jinja::Environment& environment) {
  json::object variables = input;
  const bool lacks = !input.contains("tools") || !input.contains("documents");
  variables.emplace("tools", nullptr);
  variables.emplace("documents", nullptr);
  try {
    return chat_template.render(trusted, variables, environment);
  } catch (const Error& first) {
    if (first.code() != ErrorCode::kTemplate) throw;
    try {
      if (lacks) return chat_template.render(trusted, input, environment);
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): one more chance below
    }
    variables = input;
    bool changed = false;
    if (json::value* messages = variables.if_contains("messages"); messages != nullptr && messages->is_array()) {
      for_each_arguments(messages->get_array(), [&](json::value& arguments) {
        changed = changed || arguments.is_object();
        print_arguments(arguments, environment.limits);
      });
    }
    if (!changed) throw;
    try {
      return chat_template.render(trusted, variables, environment);
    } catch (const Error&) {
      throw first;
    }
  }
}

std::string_view string_member(const json::value& entry, std::string_view key) {
  const json::object* object = entry.if_object();
  const json::value* member = object == nullptr ? nullptr : object->if_contains(key);
  if (member == nullptr || !member->is_string()) {
    fail(ErrorCode::kBadFile, "tokenizer_config.json: chat_template must be a string or a list of {{name, template}}");
  }
  return member->get_string();
}

}  // namespace

ChatTemplate::ChatTemplate(std::string_view source, jinja::Template general, std::optional<jinja::Template> with_tools,
                           json::object special_tokens, const OutputFormat& output_format)
    : source_(source),
      general_(std::move(general)),
      with_tools_(std::move(with_tools)),
      special_tokens_(std::move(special_tokens)),
      output_format_(output_format) {}

ChatTemplate ChatTemplate::from_source(std::string_view source, std::string_view name,
                                       const json::object& tokenizer_config) {
  return {source, jinja::Template::parse(source, name), std::nullopt, special_tokens_of(tokenizer_config),
          output_format_of_template(source)};
}

std::optional<ChatTemplate> ChatTemplate::from_tokenizer_config(const json::object& tokenizer_config) {
  constexpr std::string_view kName = "chat_template of tokenizer_config.json";
  const json::value* source = tokenizer_config.if_contains("chat_template");
  if (source == nullptr || source->is_null()) return std::nullopt;
  if (source->is_string()) return from_source(source->get_string(), kName, tokenizer_config);
  std::string_view general_source;
  std::optional<jinja::Template> general;
  std::optional<jinja::Template> with_tools;
  OutputFormat output_format;
  if (!source->is_array()) string_member(*source, "template");  // throws
  for (const json::value& entry : source->get_array()) {
    const std::string_view name = string_member(entry, "name");
    if (name != "default" && name != "tool_use") continue;
    // Of the one with tools, if there is one: it knows how calls are written.
    const std::string_view text = string_member(entry, "template");
    if (name == "tool_use" || !with_tools) output_format = output_format_of_template(text);
    auto parsed = jinja::Template::parse(text, fmt::format("{} ({})", kName, name));
    (name == "default" ? general : with_tools) = std::move(parsed);
    if (name == "default") general_source = text;
  }
  if (!general) {
    fail(ErrorCode::kBadFile, "tokenizer_config.json: chat_template is a list without a template named \"default\"");
  }
  return ChatTemplate(general_source, std::move(*general), std::move(with_tools), special_tokens_of(tokenizer_config),
                      output_format);
}

jinja::Rendering ChatTemplate::render(const json::array& messages, const ChatOptions& options) const {
  json::object trusted = special_tokens_;
  trusted["add_generation_prompt"] = options.add_generation_prompt;
  json::object input = options.variables;
  input["messages"] = evened_out(messages);
  if (!options.tools.empty()) input["tools"] = options.tools;
  const bool tools = !options.tools.empty() && with_tools_;
  return render_with_fallbacks(tools ? *with_tools_ : general_, trusted, input, options.environment);
}

jinja::Rendering render_chat_input(std::string_view source, std::string_view name, const json::object& input,
                                   const jinja::Environment& environment) {
  const jinja::Template chat_template = jinja::Template::parse(source, name, environment.limits);
  json::object trusted;
  json::object variables;
  for (const auto& [key, value] : input) {
    const bool token = std::find(std::begin(kSpecialTokens), std::end(kSpecialTokens), key) != std::end(kSpecialTokens);
    (token ? trusted : variables).emplace(key, value);
  }
  if (json::value* messages = variables.if_contains("messages"); messages != nullptr && messages->is_array()) {
    *messages = evened_out(messages->get_array());
  }
  return render_with_fallbacks(chat_template, trusted, variables, environment);
}

}  // namespace marlin
