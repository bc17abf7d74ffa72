// SPDX-License-Identifier: Apache-2.0
// An answer as a list of items in the order in which the model wrote them: reasoning, text, tool calls. What the APIs
// of Responses and Messages have in common; they say what an item looks like. One choice.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "serving/api/answer.h"
#include "serving/api/chat_request.h"
#include "text/output_parser.h"

namespace marlin::api {

struct AnswerItem {
  enum class Kind { kReasoning, kText, kCall };
  Kind kind;
  std::string name = {};  ///< of a call: the function's
  std::string text = {};  ///< of a call: the arguments, JSON
  bool cut = false;       ///< the generation ended within it, for want of tokens
};

class ItemProtocol : public AnswerProtocol {
 public:
  void add(std::size_t choice, const BatchUpdate& news) final;

 protected:
  ItemProtocol(const OutputFormat& format, const ChatRequest& chat, bool streams)
      : AnswerProtocol(streams),
        parser_(format, chat.tools, chat.starts_in_reasoning),
        in_reasoning_(chat.starts_in_reasoning) {}

  // What happens to a stream. An item begins without text, grows, and ends before the next begins.
  virtual void begin_item(std::size_t index) = 0;
  virtual void grow_item(std::size_t index, std::string_view text) = 0;
  virtual void end_item(std::size_t index) = 0;

  [[nodiscard]] const std::vector<AnswerItem>& items() const { return items_; }
  [[nodiscard]] bool has_calls() const { return parser_.n_calls() > 0; }
  /// Why it ended; kStop before that.
  [[nodiscard]] FinishReason finish_reason() const { return finish_reason_; }
  /// The stop string that ended it, or nothing.
  [[nodiscard]] const std::string& stop() const { return stop_; }
  [[nodiscard]] std::int64_t reasoning_tokens() const { return reasoning_tokens_; }

 private:
  void take(const OutputEvent& event);
  void open(AnswerItem item);
  void grow(AnswerItem::Kind kind, std::string_view text);
  void close();

  OutputParser parser_;
  OutputEvents events_;
  std::vector<AnswerItem> items_;
  bool in_reasoning_;
  bool is_open_ = false;  // the last item
  FinishReason finish_reason_ = FinishReason::kStop;
  std::string stop_;
  std::int64_t reasoning_tokens_ = 0;
};

}  // namespace marlin::api
