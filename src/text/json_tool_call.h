// SPDX-License-Identifier: Apache-2.0
// Reads one call written as {"name": ..., "arguments": {...}} (ToolCallStyle::kHermes). OutputParser feeds it the bytes
// from the first `{`. The surprise: it says nothing until the object is complete, since a call that has been announced
// cannot be taken back and the JSON may still turn out to be none; from the byte where it does, all is text again.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "text/output_events.h"
#include "text/tool_call_step.h"
#include "text/tool_schemas.h"

namespace marlin {

class JsonToolCall {
 public:
  /// `schemas` must outlive this.
  explicit JsonToolCall(const ToolSchemas& schemas);

  void start(const ToolCallOpening& opening);

  /// kTaken, kRejected or kEnded: the last with the object's closing brace, which may still be kRejected. A call needs
  /// a "name"; "arguments" (or "parameters") is an object, a string that holds one, or null for none, and may be absent
  /// only where the name stands alone. Other members are ignored. The arguments are passed on as written.
  ToolCallStep step(char byte, OutputEvents& events);

  /// All taken so far, opening included. Valid until the next start() or step().
  [[nodiscard]] std::string_view raw() const noexcept { return raw_; }

 private:
  ToolCallStep finish_object(OutputEvents& events);

  const ToolSchemas& schemas_;
  boost::json::stream_parser parser_;  // says where the object ends, and which byte is wrong
  std::string raw_;
  std::size_t object_begin_ = 0;
  std::uint32_t index_ = 0;
  bool known_only_ = false;
};

}  // namespace marlin
