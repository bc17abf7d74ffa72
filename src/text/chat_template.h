// SPDX-License-Identifier: Apache-2.0
// A model's chat template: messages in, prompt out. Called by sessions and servers. Evens out what clients send before
// the template sees it, as published templates expect what transformers gives them and not what the OpenAI API carries.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/template.h"
#include "text/output_format.h"

namespace marlin {

/// What stands beside the messages of one prompt.
struct ChatOptions {
  boost::json::array tools;           ///< function definitions as in the OpenAI API; empty: none
  bool add_generation_prompt = true;  ///< end with the opening of the assistant's turn
  boost::json::object variables;      ///< further ones: enable_thinking, documents...; cannot replace special tokens
  jinja::Environment environment;     ///< limits and clock
};

/// Immutable; renders from any number of threads at once.
class ChatTemplate {
 public:
  /// From the source of chat_template.jinja. `name` is what errors call it. The special tokens (bos_token and so on) of
  /// `tokenizer_config` become variables; each is a string or an object with "content". Errors: kTemplate, kBadFile.
  static ChatTemplate from_source(std::string_view source, std::string_view name,
                                  const boost::json::object& tokenizer_config = {});

  /// From "chat_template" of tokenizer_config.json: one template, or a list of {name, template}, of which "tool_use"
  /// serves prompts with tools and "default" all others. nullopt when there is none. Errors: kTemplate, kBadFile.
  static std::optional<ChatTemplate> from_tokenizer_config(const boost::json::object& tokenizer_config);

  /// The prompt. Text of messages, tools and variables is marked as input, so that nobody can type a special token.
  /// Evened out first: `content: null` becomes "", and tool_calls[].function.arguments becomes an object when it is a
  /// string that holds one (or nothing). A template that fails so is tried without absent variables, and then with the
  /// arguments as strings, as some templates want; if that fails too, the first error is thrown (kTemplate).
  [[nodiscard]] jinja::Rendering render(const boost::json::array& messages, const ChatOptions& options = {}) const;

  /// As it was given; of several, the one for prompts without tools.
  [[nodiscard]] const std::string& source() const { return source_; }

  /// What a model with this template writes.
  [[nodiscard]] const OutputFormat& output_format() const { return output_format_; }

 private:
  ChatTemplate(std::string_view source, jinja::Template general, std::optional<jinja::Template> with_tools,
               boost::json::object special_tokens, const OutputFormat& output_format);

  std::string source_;
  jinja::Template general_;
  std::optional<jinja::Template> with_tools_;
  boost::json::object special_tokens_;
  OutputFormat output_format_;
};

/// Renders template `source` with the variables in `input`: "messages" and "tools" as ChatTemplate does, special tokens
/// and add_generation_prompt where present, and everything else as it stands. For the `template` subcommand. Errors:
/// kTemplate.
jinja::Rendering render_chat_input(std::string_view source, std::string_view name, const boost::json::object& input,
                                   const jinja::Environment& environment = {});

}  // namespace marlin
