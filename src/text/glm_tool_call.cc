// SPDX-License-Identifier: Apache-2.0
// See glm_tool_call.h.
#include "text/glm_tool_call.h"

#include <algorithm>

#include "text/json_argument.h"

namespace marlin {

// What the OpenAI API allows, what names of MCP servers have besides, and all that is not ASCII.
bool GlmToolCall::is_name_byte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
         std::string_view("_-.:/").find(byte) != std::string_view::npos || static_cast<unsigned char>(byte) >= 0x80;
}

void GlmToolCall::start(const ToolCallOpening& opening) {
  matcher_.clear();
  state_ = State::kHead;
  index_ = opening.index;
  known_only_ = opening.known_only;
  raw_ = opening.text;
  between_words_ = false;
  n_arguments_ = 0;
  for (std::string* text : {&name_, &pair_, &key_, &value_, &stray_}) text->clear();
}

ToolCallStep GlmToolCall::step(char byte, OutputEvents& events) {
  MarkerMatcher::Result result = matcher_.step(byte, markers());
  if (result == MarkerMatcher::Result::kBroken) {
    if (state_ == State::kHead) {
      unread_ = matcher_.held();
      return ToolCallStep::kRejected;
    }
    const std::string_view text = matcher_.held();
    matcher_.clear();
    for (const char c : text) put(c, events);
    result = matcher_.step(byte, markers());
  }
  if (result == MarkerMatcher::Result::kText) return put(byte, events);
  if (result == MarkerMatcher::Result::kMarker) return take(matcher_.marker(), events);
  return ToolCallStep::kTaken;
}

ToolCallStep GlmToolCall::finish(OutputEvents& events) {
  unread_ = matcher_.held();
  if (state_ == State::kHead) return ToolCallStep::kRejected;
  for (const char c : unread_) put(c, events);
  if (state_ == State::kValue) end_value(events);
  return end_call(ToolCallStep::kEnded, events);
}

MarkerSet GlmToolCall::markers() const {
  using enum OutputMarker;
  switch (state_) {
    case State::kHead:
      return MarkerSet(kArgKey, kArgKeyEnd, kToolCallEnd);
    case State::kBetween:
      return MarkerSet(kArgKey, kArgKeyEnd, kToolCallEnd, kToolCall);
    case State::kKey:
      return MarkerSet(kArgKeyEnd, kArgValue, kToolCallEnd, kToolCall);
    case State::kAfterKey:
      return MarkerSet(kArgKey, kArgValue, kToolCallEnd, kToolCall);
    case State::kValue:
      break;
  }
  return MarkerSet(kArgValueEnd);
}

// A byte that belongs to no marker.
ToolCallStep GlmToolCall::put(char byte, OutputEvents& events) {
  switch (state_) {
    case State::kHead:
      return put_head(byte);
    case State::kKey:
      key_ += byte;
      pair_ += byte;
      break;
    case State::kAfterKey:
      if (!is_json_space(byte)) state_ = State::kBetween;  // the key has no value
      pair_ += byte;
      break;
    case State::kBetween:
      pair_ += byte;
      break;
    case State::kValue:
      if (types_ == kJsonString) {
        append_json_escaped(value_, byte);
        write(value_, events);
        value_.clear();
      } else {
        value_ += byte;
      }
      break;
  }
  return ToolCallStep::kTaken;
}

// The head is a name, and perhaps a second word.
ToolCallStep GlmToolCall::put_head(char byte) {
  if (is_json_space(byte)) {
    between_words_ = true;
  } else {
    const bool third_word = between_words_ && !key_.empty();
    if (third_word || !is_name_byte(byte)) {
      unread_ = {};
      return ToolCallStep::kRejected;
    }
    const bool in_key = between_words_ || !key_.empty();
    (in_key ? key_ : name_) += byte;
    between_words_ = false;
  }
  raw_ += byte;
  return ToolCallStep::kTaken;
}

ToolCallStep GlmToolCall::take(OutputMarker marker, OutputEvents& events) {
  if (state_ == State::kHead) return take_in_head(marker, events);
  switch (marker) {
    case OutputMarker::kArgKey:
      drop_pair();
      key_.clear();
      pair_ = text_of(marker);
      state_ = State::kKey;
      break;
    case OutputMarker::kArgKeyEnd: {
      bool is_key = state_ == State::kKey;
      if (!is_key) {
        key_ = trimmed_json_space(pair_);
        is_key = !key_.empty() && std::all_of(key_.begin(), key_.end(), is_name_byte);
      }
      pair_ += text_of(marker);
      if (is_key) state_ = State::kAfterKey;
      break;
    }
    case OutputMarker::kArgValue:
      begin_value(events);
      break;
    case OutputMarker::kArgValueEnd:
      end_value(events);
      break;
    case OutputMarker::kToolCall:
      return end_call(ToolCallStep::kEndedByNext, events);
    default:
      return end_call(ToolCallStep::kEnded, events);
  }
  return ToolCallStep::kTaken;
}

ToolCallStep GlmToolCall::take_in_head(OutputMarker marker, OutputEvents& events) {
  // A second word can only be a key whose opening was left out.
  const bool fits = (marker == OutputMarker::kArgKeyEnd) == !key_.empty();
  if (!fits || (known_only_ && !schemas_.has_function(name_))) {
    unread_ = text_of(marker);
    unread_.remove_suffix(1);  // the last byte has not been taken
    return ToolCallStep::kRejected;
  }
  begin_call(events);
  if (marker == OutputMarker::kToolCallEnd) return end_call(ToolCallStep::kEnded, events);
  state_ = marker == OutputMarker::kArgKey ? State::kKey : State::kAfterKey;
  pair_ = key_;
  pair_ += text_of(marker);
  return ToolCallStep::kTaken;
}

// What stands before the next pair, or the end, is no pair.
void GlmToolCall::drop_pair() {
  if (!trimmed_json_space(pair_).empty()) stray_ += pair_;
  pair_.clear();
}

void GlmToolCall::begin_call(OutputEvents& events) {
  events.add(OutputEvent::Kind::kCallBegin, index_, name_);
  write("{", events);
}

void GlmToolCall::begin_value(OutputEvents& events) {
  const std::string_view key = trimmed_json_space(key_);
  if (n_arguments_++ > 0) write(", ", events);
  write(json_quoted(key), events);
  write(": ", events);
  types_ = schemas_.types(name_, key);
  if (types_ == kJsonString) write("\"", events);
  pair_.clear();
  state_ = State::kValue;
}

void GlmToolCall::end_value(OutputEvents& events) {
  write(types_ == kJsonString ? "\"" : json_argument(value_, types_), events);
  value_.clear();
  state_ = State::kBetween;
}

ToolCallStep GlmToolCall::end_call(ToolCallStep how, OutputEvents& events) {
  drop_pair();
  write("}", events);
  events.add(OutputEvent::Kind::kCallEnd, index_, {});
  return how;
}

void GlmToolCall::write(std::string_view json, OutputEvents& events) {
  events.add(OutputEvent::Kind::kCallArguments, index_, json);
}

}  // namespace marlin
