// SPDX-License-Identifier: Apache-2.0
// How the readers of tool calls, one per style, answer OutputParser for each byte behind `<tool_call>`.
#pragma once

#include <cstdint>
#include <string_view>

namespace marlin {

enum class ToolCallStep : std::uint8_t {
  kTaken,
  kRejected,     ///< this is no call: all taken so far is text, and the byte has not been taken
  kEnded,        ///< the call is complete, its events are written
  kEndedByNext,  ///< complete, because another `<tool_call>` has been taken
};

/// What a block of the output is before its first byte behind white space.
struct ToolCallOpening {
  std::string_view text;  ///< from `<tool_call>` on; text again if the block is rejected
  std::uint32_t index;    ///< of the call, if it is one
  bool known_only;        ///< only functions of the request's tools make it a call
};

}  // namespace marlin
