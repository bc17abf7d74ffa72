// SPDX-License-Identifier: Apache-2.0
// What an OutputParser says about a text, as one line that tests can compare: R(reasoning) C(content) CALL(name){...}.
// Used by tests and by the fuzz target. On the way it checks what holds for every text and every cut, and throws
// Error(kInternal) where it does not.
#pragma once

#include <boost/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/output_parser.h"
#include "text/utf8.h"

namespace marlin::test {

class OutputTranscript {
 public:
  /// The events of one push() or finish().
  void add(const OutputEvents& events) {
    const OutputEvent* before = nullptr;
    for (const OutputEvent& event : events) {
      MARLIN_CHECK(before == nullptr || before->kind != event.kind);
      MARLIN_CHECK(is_valid_utf8(events.text(event)));
      add(event, events.text(event));
      before = &event;
    }
  }

  /// All so far; nothing may be open any more.
  [[nodiscard]] std::string line() const {
    MARLIN_CHECK(!in_call_);
    std::string out = line_;
    close_text(out);
    return out;
  }

 private:
  void add(const OutputEvent& event, std::string_view text) {
    using Kind = OutputEvent::Kind;
    const bool is_text = event.kind == Kind::kReasoning || event.kind == Kind::kContent;
    MARLIN_CHECK(in_call_ == (event.kind == Kind::kCallArguments || event.kind == Kind::kCallEnd));
    MARLIN_CHECK(is_text || event.call == n_calls_);
    MARLIN_CHECK(text.empty() == (event.kind == Kind::kCallEnd));
    if (is_text) {
      const char tag = event.kind == Kind::kReasoning ? 'R' : 'C';
      if (open_ != tag) {
        close_text(line_);
        if (!line_.empty()) line_ += ' ';
        line_ += tag;
        line_ += '(';
      }
      open_ = tag;
      line_ += text;
    } else if (event.kind == Kind::kCallBegin) {
      close_text(line_);
      open_ = 0;
      in_call_ = true;
      arguments_.clear();
      line_ += line_.empty() ? "CALL(" : " CALL(";
      line_ += text;
      line_ += ')';
    } else if (event.kind == Kind::kCallArguments) {
      arguments_ += text;
    } else {
      end_call();
    }
  }

  void end_call() {
    boost::json::parse_options options;
    options.max_depth = 66;  // an argument of the greatest depth, within the arguments
    MARLIN_CHECK(boost::json::parse(arguments_, {}, options).is_object());
    line_ += arguments_;
    in_call_ = false;
    ++n_calls_;
  }

  void close_text(std::string& line) const {
    if (open_ != 0) line += ')';
  }

  std::string line_;
  std::string arguments_;
  char open_ = 0;
  bool in_call_ = false;
  std::uint32_t n_calls_ = 0;
};

/// Parses a whole output that comes in `pieces`.
inline std::string transcript_of(const OutputFormat& format, const boost::json::array& tools, bool in_reasoning,
                                 std::span<const std::string_view> pieces) {
  OutputParser parser(format, tools, in_reasoning);
  OutputTranscript transcript;
  OutputEvents events;
  for (const std::string_view piece : pieces) {
    events.clear();
    parser.push(piece, events);
    transcript.add(events);
  }
  events.clear();
  parser.finish(events);
  transcript.add(events);
  return transcript.line();
}

}  // namespace marlin::test
