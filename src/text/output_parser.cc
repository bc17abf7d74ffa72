// SPDX-License-Identifier: Apache-2.0
// See output_parser.h. The readers of calls say what a block is; here is decided where one may begin, and what becomes
// of one that is none.
#include "text/output_parser.h"

#include "text/json_argument.h"

namespace marlin {

OutputParser::OutputParser(const OutputFormat& format, const boost::json::array& tools, bool starts_in_reasoning)
    : format_(format),
      schemas_(tools),
      has_calls_(format.tool_calls != ToolCallStyle::kNone && !tools.empty()),
      in_reasoning_(format.reasoning && starts_in_reasoning),
      reasoning_({.kind = OutputEvent::Kind::kReasoning,
                  .keeps_leading = false,
                  .keeps_trailing = false,
                  .has_calls = has_calls_}),
      content_({.kind = OutputEvent::Kind::kContent,
                .keeps_leading = !format.reasoning,
                .keeps_trailing = true,
                .has_calls = has_calls_}),
      json_call_(schemas_),
      glm_call_(schemas_) {}

void OutputParser::push(std::string_view delta, OutputEvents& events) {
  repaired_.clear();
  repairer_.push(delta, repaired_);
  for (const char byte : repaired_) step(byte, events);
}

void OutputParser::finish(OutputEvents& events) {
  repaired_.clear();
  repairer_.finish(repaired_);
  for (const char byte : repaired_) step(byte, events);
  switch (state_) {
    case State::kText:
      put(matcher_.held(), events);
      break;
    case State::kOpening:
      put(opening_, events);
      break;
    case State::kJsonCall:
      put(json_call_.raw(), events);
      break;
    case State::kGlmCall:
      if (const ToolCallStep how = glm_call_.finish(events); how == ToolCallStep::kRejected) {
        put(glm_call_.raw(), events);
        put(glm_call_.unread(), events);
      } else {
        end_glm_call(how, events);
      }
      break;
  }
  channel().end(events);
}

void OutputParser::step(char byte, OutputEvents& events) {
  switch (state_) {
    case State::kText:
      return step_text(byte, events);
    case State::kOpening:
      return step_opening(byte, events);
    case State::kJsonCall:
      return step_json_call(byte, events);
    case State::kGlmCall:
      return step_glm_call(byte, events);
  }
}

void OutputParser::step_text(char byte, OutputEvents& events) {
  MarkerMatcher::Result result = matcher_.step(byte, markers_of_text());
  if (result == MarkerMatcher::Result::kBroken) {
    const std::string_view text = matcher_.held();
    matcher_.clear();
    put(text, events);
    result = matcher_.step(byte, markers_of_text());
  }
  if (result == MarkerMatcher::Result::kText) put({&byte, 1}, events);
  if (result == MarkerMatcher::Result::kMarker) take(matcher_.marker(), events);
}

void OutputParser::step_opening(char byte, OutputEvents& events) {
  const ToolCallOpening opening = {.text = opening_, .index = n_calls_, .known_only = in_reasoning_};
  if (is_json_space(byte)) {
    opening_ += byte;
  } else if (byte == '{') {
    json_call_.start(opening);
    state_ = State::kJsonCall;
    step(byte, events);
  } else if (format_.tool_calls == ToolCallStyle::kGlm47 && GlmToolCall::is_name_byte(byte)) {
    glm_call_.start(opening);
    state_ = State::kGlmCall;
    step(byte, events);
  } else {
    state_ = State::kText;
    put(opening_, events);
    step(byte, events);
  }
}

void OutputParser::step_json_call(char byte, OutputEvents& events) {
  switch (json_call_.step(byte, events)) {
    case ToolCallStep::kTaken:
      return;
    case ToolCallStep::kRejected:
      state_ = State::kText;
      put(json_call_.raw(), events);
      return step(byte, events);
    default:
      end_call();
      awaits_closing_ = true;
  }
}

void OutputParser::step_glm_call(char byte, OutputEvents& events) {
  switch (const ToolCallStep how = glm_call_.step(byte, events)) {
    case ToolCallStep::kTaken:
      return;
    case ToolCallStep::kRejected:
      state_ = State::kText;
      put(glm_call_.raw(), events);
      // Less than a marker, so this is over before another block can begin.
      for (const char c : glm_call_.unread()) step(c, events);
      return step(byte, events);
    default:
      return end_glm_call(how, events);
  }
}

MarkerSet OutputParser::markers_of_text() const {
  MarkerSet markers;
  if (has_calls_) markers.add(OutputMarker::kToolCall);
  if (awaits_closing_) markers.add(OutputMarker::kToolCallEnd);
  if (format_.reasoning && at_start_) markers.add(OutputMarker::kThink);
  if (format_.reasoning && (at_start_ || in_reasoning_)) markers.add(OutputMarker::kThinkEnd);
  return markers;
}

void OutputParser::take(OutputMarker marker, OutputEvents& events) {
  at_start_ = false;
  switch (marker) {
    case OutputMarker::kThink:
      in_reasoning_ = true;
      return;
    case OutputMarker::kThinkEnd:
      if (in_reasoning_) reasoning_.end(events);
      in_reasoning_ = false;
      return;
    case OutputMarker::kToolCall:
      return open_block();
    default:
      awaits_closing_ = false;
  }
}

void OutputParser::open_block() {
  awaits_closing_ = false;
  opening_ = text_of(OutputMarker::kToolCall);
  state_ = State::kOpening;
}

void OutputParser::end_call() {
  ++n_calls_;
  channel().call();
  state_ = State::kText;
}

void OutputParser::end_glm_call(ToolCallStep how, OutputEvents& events) {
  end_call();
  put(glm_call_.stray(), events);
  if (how == ToolCallStep::kEndedByNext) open_block();
}

void OutputParser::put(std::string_view text, OutputEvents& events) {
  for (const char byte : text) {
    if (!is_json_space(byte)) at_start_ = false;
    channel().put(byte, events);
  }
}

}  // namespace marlin
