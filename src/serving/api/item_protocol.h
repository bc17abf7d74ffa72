// SPDX-License-Identifier: Apache-2.0
// An answer as a list of items in the order in which the model wrote them: reasoning, text, tool calls. What the APIs
// of Responses and Messages have in common; they say what an item looks like. One choice.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <utility>
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
  void begin_stream(http::EventStream& stream) final;
  void add(std::size_t choice, const BatchUpdate& news) final;
  void end_stream(http::EventStream& stream, const Usage& usage) final;
  void flush(http::EventStream& stream) final;
  void fail_stream(http::EventStream& stream, const ApiError& error) final;

 protected:
  /// `streams`: whether anyone hears what say() is told.
  ItemProtocol(const OutputFormat& format, const ChatRequest& chat, bool streams)
      : parser_(format, chat.tools, chat.starts_in_reasoning),
        streams_(streams),
        in_reasoning_(chat.starts_in_reasoning) {}

  // What happens to a stream. An item begins without text, grows, and ends before the next begins.
  virtual void begin() = 0;
  virtual void begin_item(std::size_t index) = 0;
  virtual void grow_item(std::size_t index, std::string_view text) = 0;
  virtual void end_item(std::size_t index) = 0;
  virtual void end(const Usage& usage) = 0;
  virtual void fail(const ApiError& error) = 0;

  /// The next event of the stream.
  void say(std::string_view name, const boost::json::object& data);

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
  bool streams_;
  bool in_reasoning_;
  bool is_open_ = false;  // the last item
  FinishReason finish_reason_ = FinishReason::kStop;
  std::string stop_;
  std::int64_t reasoning_tokens_ = 0;
  std::vector<std::pair<std::string, std::string>> said_;  // names and data of events
};

}  // namespace marlin::api
