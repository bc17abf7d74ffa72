// SPDX-License-Identifier: Apache-2.0
// Recognition by substrings: templates are programs, but the markers stand in them as they are.
#include "text/output_format.h"

#include "text/json_argument.h"
#include "text/output_marker.h"

namespace marlin {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// The key in the template's own text, or within one of its string literals, quoted either way.
bool spells_arguments_key(std::string_view source) {
  return contains(source, "\"arguments\"") || contains(source, R"(\"arguments\")");
}

}  // namespace

OutputFormat output_format_of_template(std::string_view source) {
  OutputFormat format;
  format.reasoning = contains(source, text_of(OutputMarker::kThinkEnd));
  if (contains(source, text_of(OutputMarker::kArgKey))) {
    format.tool_calls = ToolCallStyle::kGlm47;
  } else if (contains(source, text_of(OutputMarker::kToolCall)) && spells_arguments_key(source) &&
             !contains(source, "<function=") && !contains(source, "<tool_calls>")) {
    format.tool_calls = ToolCallStyle::kHermes;
  }
  return format;
}

bool starts_in_reasoning(const OutputFormat& format, std::string_view prompt) {
  return format.reasoning && trimmed_json_space(prompt).ends_with(text_of(OutputMarker::kThink));
}

}  // namespace marlin
