// SPDX-License-Identifier: Apache-2.0
// How the tests of OutputParser and of the readers of calls ask: one text, cut in many ways, must always be the same
// transcript; or pieces one after the other, to see what is held back.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/text/output_transcript.h"

namespace marlin::test {

inline constexpr OutputFormat kGlm = {.reasoning = true, .tool_calls = ToolCallStyle::kGlm47};
inline constexpr OutputFormat kQwen = {.reasoning = true, .tool_calls = ToolCallStyle::kHermes};

/// Two functions: weather, with an argument of each kind, and now, without any.
inline const boost::json::array& demo_tools() {
  static const boost::json::array kTools = boost::json::parse(R"([
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {
      "city": {"type": "string"}, "days": {"type": "integer"}, "note": {"type": ["string", "null"]},
      "place": {"type": "object"}}}}},
    {"type": "function", "function": {"name": "now"}}])")
                                               .as_array();
  return kTools;
}

struct OutputSetting {
  OutputFormat format;
  bool in_reasoning = false;
  boost::json::array tools = demo_tools();
};

inline std::string parse_output(const OutputSetting& setting, const std::vector<std::string_view>& pieces) {
  return transcript_of(setting.format, setting.tools, setting.in_reasoning, pieces);
}

/// Parses `text` in one piece, byte by byte, and in every two and three pieces.
inline void check_output(const OutputSetting& setting, std::string_view text, std::string_view expected) {
  ASSERT_LT(text.size(), 300U);
  ASSERT_EQ(parse_output(setting, {text}), expected) << text;
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  ASSERT_EQ(parse_output(setting, bytes), expected) << text << ", byte by byte";
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (std::size_t j = i; j < text.size(); ++j) {
      const std::vector<std::string_view> pieces = {text.substr(0, i), text.substr(i, j - i), text.substr(j)};
      ASSERT_EQ(parse_output(setting, pieces), expected) << text << ", cut at " << i << " and " << j;
    }
  }
}

/// An output of which each piece's events are looked at.
struct OutputStream {
  explicit OutputStream(const OutputFormat& format, bool in_reasoning = false)
      : parser(format, demo_tools(), in_reasoning) {}

  /// The texts that come out, joined; END for the end of a call.
  std::string push(std::string_view piece) {
    events.clear();
    parser.push(piece, events);
    std::string out;
    for (const OutputEvent& event : events) {
      if (event.kind == OutputEvent::Kind::kCallEnd) out += "END";
      out += events.text(event);
    }
    return out;
  }

  OutputParser parser;
  OutputEvents events;
};

}  // namespace marlin::test
