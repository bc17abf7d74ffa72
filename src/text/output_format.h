// SPDX-License-Identifier: Apache-2.0
// What a family of chat models writes: whether it marks its reasoning, and how it spells tool calls. The server derives
// it once per model from the chat template, since no file of a checkpoint says it. The surprise: nothing is taken from
// the model's name, so a fine-tuned model with a changed template is read as its template writes.
#pragma once

#include <string_view>

namespace marlin {

enum class ToolCallStyle {
  kNone,  ///< no calls, or in a form that is not read: they stay content
  /// `<tool_call>name<arg_key>k</arg_key><arg_value>v</arg_value>...</tool_call>`; strings are raw text, all else JSON.
  /// GLM-4.5 to GLM-5, with or without white space between the parts.
  kGlm47,
  kHermes,  ///< `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`: Hermes, Qwen2.5, Qwen3
};

struct OutputFormat {
  bool reasoning = false;  ///< reasoning stands between `<think>` and `</think>`
  ToolCallStyle tool_calls = ToolCallStyle::kNone;

  bool operator==(const OutputFormat&) const = default;
};

/// Recognises the format by what the source of the template spells out:
/// - `</think>`: reasoning;
/// - `<arg_key>`: kGlm47;
/// - `<tool_call>` and the JSON key "arguments": kHermes, unless there is also `<function=` (calls in XML, as of
///   Qwen3-Coder) or `<tool_calls>` (a list, as of Apriel), which are not read.
OutputFormat output_format_of_template(std::string_view source);

/// Whether the answer to `prompt` (rendered) begins as reasoning: the format has it, and the prompt ends with
/// `<think>`, white space aside. If not, a model that reasons writes the marker itself, as Qwen3 does.
bool starts_in_reasoning(const OutputFormat& format, std::string_view prompt);

}  // namespace marlin
