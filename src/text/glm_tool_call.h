// SPDX-License-Identifier: Apache-2.0
// Reads one call in GLM's own spelling (ToolCallStyle::kGlm47) and writes its arguments as JSON while they come.
// OutputParser feeds it the bytes from the first of the function's name. The surprise: a call is announced only at the
// first marker behind its name, and from then on cannot be taken back, so what does not fit into it later becomes
// stray() text instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/output_events.h"
#include "text/output_marker.h"
#include "text/tool_call_step.h"
#include "text/tool_schemas.h"

namespace marlin {

/// Falls back, where the text is not as the template has it, so:
/// - anything but a name behind `<tool_call>` (`name a=1`, prose): kRejected, all is text;
/// - `<arg_key>` or `</arg_key>` left out round a key of one word: read as if it stood there;
/// - a key without a value, a value without a key, text between the pairs: stray();
/// - `</arg_value>` left out: the value goes on, because a value may hold any other marker;
/// - a key that occurs twice: both are written, as the first may have been sent; JSON readers keep the last.
class GlmToolCall {
 public:
  /// `schemas` must outlive this.
  explicit GlmToolCall(const ToolSchemas& schemas) : schemas_(schemas) {}

  /// Whether the name of a function may have this byte.
  static bool is_name_byte(char byte);

  void start(const ToolCallOpening& opening);

  ToolCallStep step(char byte, OutputEvents& events);

  /// The output ends within the call: kEnded, all begun values closed, or kRejected if it was not announced yet.
  ToolCallStep finish(OutputEvents& events);

  /// After kRejected: all taken so far is raw(), which is text, and then unread(), which may begin a marker of text.
  [[nodiscard]] std::string_view raw() const noexcept { return raw_; }
  [[nodiscard]] std::string_view unread() const noexcept { return unread_; }

  /// After the end: text that was no part of the call, to be shown behind it.
  [[nodiscard]] std::string_view stray() const noexcept { return stray_; }

 private:
  enum class State : std::uint8_t { kHead, kBetween, kKey, kAfterKey, kValue };

  [[nodiscard]] MarkerSet markers() const;
  ToolCallStep put(char byte, OutputEvents& events);
  ToolCallStep put_head(char byte);
  ToolCallStep take(OutputMarker marker, OutputEvents& events);
  ToolCallStep take_in_head(OutputMarker marker, OutputEvents& events);
  void drop_pair();
  void begin_call(OutputEvents& events);
  void begin_value(OutputEvents& events);
  void end_value(OutputEvents& events);
  ToolCallStep end_call(ToolCallStep how, OutputEvents& events);
  void write(std::string_view json, OutputEvents& events);

  const ToolSchemas& schemas_;
  MarkerMatcher matcher_;
  State state_ = State::kHead;
  std::uint32_t index_ = 0;
  bool known_only_ = false;
  std::string raw_;          // in kHead
  std::string_view unread_;  // after kRejected
  std::string name_;
  std::string pair_;  // since the last complete pair, as written, up to the value
  std::string key_;   // of that pair; in kHead a second word, which may be one
  bool between_words_ = false;
  std::size_t n_arguments_ = 0;
  JsonTypes types_ = kJsonUnknown;  // of the value
  std::string value_;               // as far as it could not be written yet
  std::string stray_;
};

}  // namespace marlin
