// SPDX-License-Identifier: Apache-2.0
#include "serving/api/chat_completions.h"

#include <boost/json.hpp>
#include <deque>
#include <utility>

#include "io/json.h"
#include "io/json_reader.h"
#include "serving/api/answer.h"
#include "serving/api/answer_log_probabilities.h"
#include "serving/api/chat_request.h"
#include "serving/api/openai_shapes.h"
#include "text/output_parser.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

/// One choice: what its text is made of so far.
struct Choice {
  Choice(const OutputFormat& format, const json::array& tools, bool starts_in_reasoning)
      : parser(format, tools, starts_in_reasoning) {}

  OutputParser parser;
  std::string content;
  std::string reasoning;
  json::array tool_calls;  // whole ones; the last may be growing
  std::string finish_reason;
  std::optional<AnswerLogProbabilities> log_probabilities;
};

class ChatProtocol final : public AnswerProtocol {
 public:
  ChatProtocol(CompletionHead head, bool streams, bool include_usage)
      : AnswerProtocol(streams), head_(std::move(head)), include_usage_(include_usage) {}

  void add_choices(std::size_t n, const OutputFormat& format, const json::array& tools, bool starts_in_reasoning) {
    for (std::size_t i = 0; i < n; ++i) choices_.emplace_back(format, tools, starts_in_reasoning);
  }

  void show_log_probabilities(const Tokenizer& tokenizer) {
    for (Choice& choice : choices_) choice.log_probabilities.emplace(tokenizer);
  }

  void begin() override {
    for (std::size_t i = 0; i < choices_.size(); ++i) say_chunk(i, {{"role", "assistant"}, {"content", ""}}, nullptr);
  }

  void add(std::size_t index, const BatchUpdate& news) override {
    Choice& choice = choices_[index];
    if (choice.log_probabilities) choice.log_probabilities->add(news.log_probabilities);
    events_.clear();
    choice.parser.push(news.text, events_);
    if (news.finished) choice.parser.finish(events_);
    for (const OutputEvent& event : events_) take(index, event);
    if (!news.finished) return;
    const bool calls = choice.parser.n_calls() > 0 && *news.finished == FinishReason::kStop;
    choice.finish_reason = calls ? "tool_calls" : finish_reason_of(*news.finished);
    say_chunk(index, {}, json::value(choice.finish_reason));
  }

  void end(const Usage& usage) override {
    if (include_usage_) say("", head_.usage_message("chat.completion.chunk", usage));
    say_done();
  }

  json::object body(const Usage& usage) override {
    json::array choices;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      const Choice& choice = choices_[i];
      json::object message{{"role", "assistant"}, {"content", choice.content}};
      if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
      if (!choice.tool_calls.empty()) {
        message["tool_calls"] = choice.tool_calls;
        if (choice.content.empty()) message["content"] = nullptr;
      }
      choices.push_back(json::object{{"index", i},
                                     {"message", std::move(message)},
                                     {"logprobs", all_log_probabilities(choice)},
                                     {"finish_reason", choice.finish_reason}});
    }
    json::object result = head_.object("chat.completion");
    result["choices"] = std::move(choices);
    result["usage"] = usage_object(usage);
    return result;
  }

 private:
  void take(std::size_t index, const OutputEvent& event) {
    Choice& choice = choices_[index];
    const std::string_view text = events_.text(event);
    switch (event.kind) {
      case OutputEvent::Kind::kReasoning:
        choice.reasoning += text;
        say_chunk(index, {{"reasoning_content", text}}, nullptr);
        break;
      case OutputEvent::Kind::kContent:
        choice.content += text;
        say_chunk(index, {{"content", text}}, nullptr);
        break;
      case OutputEvent::Kind::kCallBegin: {
        json::object call{{"id", head_.call_id(index, event.call)},
                          {"type", "function"},
                          {"function", json::object{{"name", text}, {"arguments", ""}}}};
        choice.tool_calls.push_back(call);
        call["index"] = event.call;
        say_chunk(index, {{"tool_calls", json::array{std::move(call)}}}, nullptr);
        break;
      }
      case OutputEvent::Kind::kCallArguments: {
        json::string& arguments = choice.tool_calls.back().as_object()["function"].as_object()["arguments"].as_string();
        arguments.append(text);
        json::object call{{"index", event.call}, {"function", json::object{{"arguments", text}}}};
        say_chunk(index, {{"tool_calls", json::array{std::move(call)}}}, nullptr);
        break;
      }
      case OutputEvent::Kind::kCallEnd:
        break;
    }
  }

  static json::value all_log_probabilities(const Choice& choice) {
    if (!choice.log_probabilities) return nullptr;
    return chat_log_probabilities(choice.log_probabilities->all());
  }

  /// For the next chunk: of all that has come since the last one.
  static json::value next_log_probabilities(Choice& choice) {
    if (!choice.log_probabilities) return nullptr;
    const std::span<const ShownPlace> places = choice.log_probabilities->next();
    return places.empty() ? json::value(nullptr) : chat_log_probabilities(places);
  }

  void say_chunk(std::size_t index, json::object delta, json::value finish_reason) {
    if (!streams()) return;
    json::object result = head_.object("chat.completion.chunk");
    result["choices"] = json::array{json::object{{"index", index},
                                                 {"delta", std::move(delta)},
                                                 {"logprobs", next_log_probabilities(choices_[index])},
                                                 {"finish_reason", std::move(finish_reason)}}};
    say("", result);
  }

  CompletionHead head_;
  bool include_usage_;
  std::deque<Choice> choices_;  // never moved
  OutputEvents events_;
};

}  // namespace

void chat_completions(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  const json::value parsed = parse_json(exchange->request().body, "the request");
  const JsonReader fields = JsonReader::of_document(parsed, "the request");
  ChatRequest chat = read_chat_request(model, fields);
  chat.generation.n_top_log_probabilities = read_chat_log_probabilities(fields);
  const auto n = static_cast<std::size_t>(fields.optional_integer("n", {1, kMaxChoices}).value_or(1));
  const bool streams = fields.optional_boolean("stream").value_or(false);
  auto protocol = std::make_unique<ChatProtocol>(CompletionHead("chatcmpl", model), streams, wants_usage(fields));
  protocol->add_choices(n, model.format(), chat.tools, chat.starts_in_reasoning);
  if (chat.generation.n_top_log_probabilities) protocol->show_log_probabilities(model.loaded().require_tokenizer());
  std::make_shared<Answer>(model, exchange, std::move(protocol))->start(chat.generation, n);
}

}  // namespace marlin::api
