// SPDX-License-Identifier: Apache-2.0
// See json_tool_call.h. Boost.JSON decides what is valid; the arguments are then cut out of the text.
#include "text/json_tool_call.h"

#include <optional>

#include "text/json_argument.h"

namespace marlin {
namespace {

namespace json = boost::json;

json::parse_options depth_limit() {
  json::parse_options options;
  options.max_depth = 64;
  return options;
}

// Where the string ends whose opening quote is at `begin`: its closing quote, in valid JSON.
std::size_t closing_quote(std::string_view text, std::size_t begin) {
  std::size_t i = begin + 1;
  while (text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return i;
}

// The text of the member `key` of an object in valid JSON, the last of several; empty if no key is written so.
std::string_view member_text(std::string_view object, std::string_view key) {
  std::string_view found;
  std::string_view current;  // the key of the member that is being passed
  std::size_t value_begin = 0;
  int depth = 0;
  bool in_key = false;
  for (std::size_t i = 0; i < object.size(); ++i) {
    const char c = object[i];
    if (c == '"') {
      const std::size_t end = closing_quote(object, i);
      if (in_key) current = object.substr(i + 1, end - i - 1);
      i = end;
    } else if (c == '{' || c == '[') {
      in_key = ++depth == 1;
    } else if (c == ':' && depth == 1) {
      in_key = false;
      value_begin = i + 1;
    } else {
      if ((c == ',' || c == '}') && depth == 1) {
        if (!in_key && current == key) found = trimmed_json_space(object.substr(value_begin, i - value_begin));
        in_key = true;
      }
      if (c == '}' || c == ']') --depth;
    }
  }
  return found;
}

// The arguments of the call that `object` is, as JSON text; nullopt when it is none. `text` is where it was read from.
std::optional<std::string> arguments_of(const json::object& object, std::string_view text) {
  const std::string_view key = object.contains("arguments") ? "arguments" : "parameters";
  const json::value* arguments = object.if_contains(key);
  if (arguments == nullptr) return object.size() == 1 ? std::optional<std::string>("{}") : std::nullopt;
  if (arguments->is_null()) return "{}";
  if (const json::string* printed = arguments->if_string()) {
    boost::system::error_code error;
    const json::value inner = json::parse(*printed, error, {}, depth_limit());
    if (error || !inner.is_object()) return std::nullopt;
    return std::string(trimmed_json_space(*printed));
  }
  const std::string_view written = member_text(text, key);
  // A key may be spelled with escapes; then there is nothing to cut out, or the wrong member.
  if (!arguments->is_object() || !written.starts_with('{')) return std::nullopt;
  return std::string(written);
}

}  // namespace

JsonToolCall::JsonToolCall(const ToolSchemas& schemas) : schemas_(schemas), parser_({}, depth_limit()) {}

void JsonToolCall::start(const ToolCallOpening& opening) {
  parser_.reset();
  raw_ = opening.text;
  object_begin_ = raw_.size();
  index_ = opening.index;
  known_only_ = opening.known_only;
}

ToolCallStep JsonToolCall::step(char byte, OutputEvents& events) {
  boost::system::error_code error;
  parser_.write_some(&byte, 1, error);
  if (error) return ToolCallStep::kRejected;
  raw_ += byte;
  return parser_.done() ? finish_object(events) : ToolCallStep::kTaken;
}

ToolCallStep JsonToolCall::finish_object(OutputEvents& events) {
  const json::value value = parser_.release();
  const json::object& object = value.get_object();
  const json::value* name = object.if_contains("name");
  std::optional<std::string> arguments = arguments_of(object, std::string_view(raw_).substr(object_begin_));
  const bool is_call = arguments && name != nullptr && name->is_string() && !name->get_string().empty() &&
                       (!known_only_ || schemas_.has_function(name->get_string()));
  if (!is_call) {
    raw_.pop_back();
    return ToolCallStep::kRejected;
  }
  events.add(OutputEvent::Kind::kCallBegin, index_, name->get_string());
  events.add(OutputEvent::Kind::kCallArguments, index_, *arguments);
  events.add(OutputEvent::Kind::kCallEnd, index_, {});
  return ToolCallStep::kEnded;
}

}  // namespace marlin
