// SPDX-License-Identifier: Apache-2.0
// One of the two texts of an answer, reasoning or content, and what becomes of white space at its ends. OutputParser
// has one of each. The surprise: white space is held back until something follows it, because only that decides.
#pragma once

#include <string>
#include <string_view>

#include "text/output_events.h"

namespace marlin {

/// Which white space (space, tab, CR, LF) counts. White space within the text always does.
struct OutputChannelRule {
  OutputEvent::Kind kind;  ///< kReasoning or kContent
  bool keeps_leading;
  bool keeps_trailing;
  bool has_calls;  ///< tool calls may stand in the text
};

class OutputChannel {
 public:
  explicit OutputChannel(OutputChannelRule rule) : rule_(rule) {}

  void put(char byte, OutputEvents& events);

  /// A tool call stands here. White space round it is text only if there is text on both sides of it.
  void call() noexcept;

  /// The text ends.
  void end(OutputEvents& events);

 private:
  void release_space(OutputEvents& events);

  OutputChannelRule rule_;
  bool has_text_ = false;
  bool after_call_ = false;  // no text since
  std::string space_;        // held back
};

}  // namespace marlin
