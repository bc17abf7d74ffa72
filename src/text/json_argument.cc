// SPDX-License-Identifier: Apache-2.0
// See json_argument.h.
#include "text/json_argument.h"

#include <boost/json.hpp>

namespace marlin {
namespace {

constexpr std::size_t kMaxDepth = 64;

}  // namespace

std::string_view trimmed_json_space(std::string_view text) {
  while (!text.empty() && is_json_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_json_space(text.back())) text.remove_suffix(1);
  return text;
}

void append_json_escaped(std::string& out, char byte) {
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto code = static_cast<unsigned char>(byte);
  if (code >= 0x20) {
    out += byte;
    return;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u00";
  out += kDigits[code >> 4U];
  out += kDigits[code & 15U];
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char byte : text) append_json_escaped(out, byte);
  out += '"';
  return out;
}

std::string json_argument(std::string_view text, JsonTypes types) {
  const std::string_view json = trimmed_json_space(text);
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(json, error, {}, options);
  if (!error) {
    const JsonTypes type = json_types_of(value);
    const bool string_wanted = (types & kJsonString) != 0 && (value.is_string() || (types & type) == 0);
    if (!string_wanted) return std::string(json);
  }
  return json_quoted(text);
}

}  // namespace marlin
