// SPDX-License-Identifier: Apache-2.0
// From the text of a tool call's argument to JSON, for models that write values without quotes. GlmToolCall uses it;
// other readers of model output share its idea of white space. The surprise: JSON that the model wrote is passed on
// byte for byte, since reading and printing would change numbers.
#pragma once

#include <string>
#include <string_view>

#include "text/tool_schemas.h"

namespace marlin {

/// Space, tab, CR, LF.
constexpr bool is_json_space(char byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

/// Without white space at either end.
std::string_view trimmed_json_space(std::string_view text);

/// Appends one byte of valid UTF-8 as it stands within a JSON string.
void append_json_escaped(std::string& out, char byte);

/// `text` as a JSON string, quotes included.
std::string json_quoted(std::string_view text);

/// The value that `text` (valid UTF-8) stands for where `types` are allowed. If it is JSON of at most 64 levels it is
/// taken as that, except where strings are allowed and the JSON is a string itself or of a type not allowed; all else
/// is a string of the whole text. So with types unknown `2` is a number, and where a string or null is allowed, a
/// string.
std::string json_argument(std::string_view text, JsonTypes types);

}  // namespace marlin
