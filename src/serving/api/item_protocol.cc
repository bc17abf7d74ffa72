// SPDX-License-Identifier: Apache-2.0
#include "serving/api/item_protocol.h"

namespace marlin::api {

void ItemProtocol::add(std::size_t /*choice*/, const BatchUpdate& news) {
  if (in_reasoning_) reasoning_tokens_ += static_cast<std::int64_t>(news.tokens.size());
  events_.clear();
  parser_.push(news.text, events_);
  for (const OutputEvent& event : events_) take(event);
  if (!news.finished) return;
  finish_reason_ = *news.finished;
  stop_ = news.stop;
  events_.clear();
  parser_.finish(events_);  // what this closes is cut, unless the model had come to an end
  for (const OutputEvent& event : events_) take(event);
  close();
}

void ItemProtocol::take(const OutputEvent& event) {
  const std::string_view text = events_.text(event);
  switch (event.kind) {
    case OutputEvent::Kind::kReasoning:
      return grow(AnswerItem::Kind::kReasoning, text);
    case OutputEvent::Kind::kContent:
      return grow(AnswerItem::Kind::kText, text);
    case OutputEvent::Kind::kCallBegin:
      return open({.kind = AnswerItem::Kind::kCall, .name = std::string(text)});
    case OutputEvent::Kind::kCallArguments:
      return grow(AnswerItem::Kind::kCall, text);
    case OutputEvent::Kind::kCallEnd:
      return close();
  }
}

void ItemProtocol::open(AnswerItem item) {
  close();
  in_reasoning_ = item.kind == AnswerItem::Kind::kReasoning;
  items_.push_back(std::move(item));
  is_open_ = true;
  begin_item(items_.size() - 1);
}

void ItemProtocol::grow(AnswerItem::Kind kind, std::string_view text) {
  if (!is_open_ || items_.back().kind != kind) open({.kind = kind});
  items_.back().text += text;
  grow_item(items_.size() - 1, text);
}

void ItemProtocol::close() {
  if (!is_open_) return;
  is_open_ = false;
  items_.back().cut = finish_reason_ == FinishReason::kLength;
  end_item(items_.size() - 1);
}

}  // namespace marlin::api
