// SPDX-License-Identifier: Apache-2.0
// Splits what a chat model writes into reasoning, content and tool calls, while it streams. The server has one per
// answer, fed by the session's decoded text, and sends the events on. The surprise: every byte is decided by itself, so
// how the text is cut into deltas has no influence on the events but where their texts are cut.
//
// What is text and what is not, as far as clients can see it:
// - White space (space, tab, CR, LF) at the ends of the reasoning, at the beginning of the content of a format that has
//   reasoning, and round tool calls is dropped, as llama.cpp does; round a call that stands between content it stays.
// - `<think>` counts only at the beginning, `</think>` there and in reasoning. Elsewhere they are text.
// - A call within reasoning is a call if it is to one of the request's functions (GLM may leave out `</think>`); the
//   reasoning goes on behind it. In content, calls to other functions are calls, too.
// - What begins like a call and is none is text, byte for byte. Nothing throws because of what a model writes.
// - Held back is what may still become a marker, white space that may still be dropped, a call up to its name, JSON
//   until it is complete, and a GLM argument until it is complete unless its schema says that it is a string.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "text/glm_tool_call.h"
#include "text/json_tool_call.h"
#include "text/output_channel.h"
#include "text/output_events.h"
#include "text/output_format.h"
#include "text/output_marker.h"
#include "text/tool_schemas.h"
#include "text/utf8.h"

namespace marlin {

/// Time is linear in the text; memory is a small multiple of what is held back.
class OutputParser {
 public:
  /// `tools` as in the OpenAI API; only read here. Without any, the markers of calls are content. The prompt decides
  /// `starts_in_reasoning` (output_format.h).
  OutputParser(const OutputFormat& format, const boost::json::array& tools, bool starts_in_reasoning);

  // The readers of calls refer to the schemas.
  OutputParser(const OutputParser&) = delete;
  OutputParser& operator=(const OutputParser&) = delete;

  /// Takes the next piece of the text, of any size, and adds to `events` what is certain now. Bytes that are not UTF-8
  /// become U+FFFD.
  void push(std::string_view delta, OutputEvents& events);

  /// The output has ended, be it in the middle of something: adds all that was held back, and ends a call that began.
  /// Call once, last.
  void finish(OutputEvents& events);

  /// How many calls are complete; after finish() all. If there is one, the finish reason is "tool_calls".
  [[nodiscard]] std::uint32_t n_calls() const noexcept { return n_calls_; }

 private:
  enum class State : std::uint8_t { kText, kOpening, kJsonCall, kGlmCall };

  void step(char byte, OutputEvents& events);
  void step_text(char byte, OutputEvents& events);
  void step_opening(char byte, OutputEvents& events);
  void step_json_call(char byte, OutputEvents& events);
  void step_glm_call(char byte, OutputEvents& events);
  [[nodiscard]] MarkerSet markers_of_text() const;
  void take(OutputMarker marker, OutputEvents& events);
  void open_block();
  void end_call();
  void end_glm_call(ToolCallStep how, OutputEvents& events);
  void put(std::string_view text, OutputEvents& events);
  [[nodiscard]] OutputChannel& channel() { return in_reasoning_ ? reasoning_ : content_; }

  OutputFormat format_;
  ToolSchemas schemas_;
  bool has_calls_;
  bool in_reasoning_;
  bool at_start_ = true;         // nothing but white space so far
  bool awaits_closing_ = false;  // of a block whose JSON is complete
  State state_ = State::kText;
  std::uint32_t n_calls_ = 0;
  Utf8Repairer repairer_;
  std::string repaired_;
  MarkerMatcher matcher_;  // in kText
  std::string opening_;    // in kOpening: `<tool_call>` and white space
  OutputChannel reasoning_;
  OutputChannel content_;
  JsonToolCall json_call_;
  GlmToolCall glm_call_;
};

}  // namespace marlin
