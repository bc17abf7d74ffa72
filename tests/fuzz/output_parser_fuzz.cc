// SPDX-License-Identifier: Apache-2.0
// Fuzzes the splitting of model output. The first byte chooses the format, the second how the text behind it is cut;
// the cut must not matter, arguments must be JSON, events must be whole characters and in order.
#include <array>
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/text/output_transcript.h"

namespace {

const boost::json::array& tools() {
  static const boost::json::array kTools = boost::json::parse(R"([
    {"function": {"name": "f", "parameters": {"properties": {
      "s": {"type": "string"}, "n": {"type": "number"}, "o": {"type": ["string", "object"]}}}}}])")
                                               .as_array();
  return kTools;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr std::array kStyles = {marlin::ToolCallStyle::kGlm47, marlin::ToolCallStyle::kHermes,
                                  marlin::ToolCallStyle::kNone};
  const std::size_t choice = data[0];
  const marlin::OutputFormat format = {.reasoning = (choice & 1U) != 0,
                                       .tool_calls = kStyles[choice / 4 % kStyles.size()]};
  const bool in_reasoning = (choice & 2U) != 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::vector<std::string_view> pieces;
  std::size_t random = data[1];
  for (std::size_t begin = 0; begin < text.size(); begin += pieces.back().size()) {
    random = random * 25173 + 13849;
    pieces.push_back(text.substr(begin, 1 + (random >> 8U) % 7));
  }
  const std::string in_pieces = marlin::test::transcript_of(format, tools(), in_reasoning, pieces);
  const std::string whole = marlin::test::transcript_of(format, tools(), in_reasoning, {&text, 1});
  if (whole != in_pieces) std::abort();
  // Without reasoning and calls nothing may be missing.
  if (!format.reasoning && !text.empty() && whole.find("CALL(") == std::string::npos) {
    if (whole != "C(" + marlin::repair_utf8(text) + ")") std::abort();
  }
  return 0;
}
