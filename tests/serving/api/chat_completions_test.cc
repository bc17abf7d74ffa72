// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/serving/api/api_fixture.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kPath = "/v1/chat/completions";
constexpr std::string_view kSum = R"({"messages": [{"role": "user", "content": "What is 12 + 7?"}]})";
constexpr std::string_view kStory = R"({"messages": [{"role": "user", "content": "Tell me a story about a fox."}]})";
constexpr std::string_view kWeather = R"({"messages": [{"role": "user", "content": "What is the weather in Oslo?"}]})";

class ChatCompletions : public ApiTest {};

/// The message and the finish reason that the chunks of one choice add up to.
json::object put_together(const std::vector<StreamEvent>& events, std::int64_t index) {
  json::object message{{"role", "assistant"}, {"content", ""}};
  json::value finish_reason;
  for (const StreamEvent& event : events) {
    if (event.data == "[DONE]") continue;
    const json::value chunk = event.json();
    for (const json::value& choice : at(chunk, "/choices").as_array()) {
      if (at(choice, "/index") != index) continue;
      for (const auto& [key, value] : at(choice, "/delta").as_object()) {
        if (key == "role") continue;
        if (key != "tool_calls") {
          if (!message.contains(key)) message[key] = "";
          message[key].as_string() += value.as_string();
          continue;
        }
        json::object call = value.at(0).as_object();
        if (!message.contains(key)) message[key] = json::array();
        json::array& calls = message[key].as_array();
        const auto number = static_cast<std::size_t>(call.at("index").as_int64());
        call.erase("index");
        if (number == calls.size()) {
          calls.emplace_back(call);
        } else {
          calls[number].at("function").at("arguments").as_string() += call.at("function").at("arguments").as_string();
        }
      }
      if (!at(choice, "/finish_reason").is_null()) finish_reason = at(choice, "/finish_reason");
    }
  }
  return {{"message", message}, {"finish_reason", finish_reason}};
}

TEST_F(ChatCompletions, AnAnswerHasReasoningAndContentApart) {
  start();
  json::object request = greedy(kSum);
  request["chat_template_kwargs"] = json::object{{"enable_thinking", true}};
  const json::value answer = ask(kPath, request);
  EXPECT_EQ(text_at(answer, "/choices/0/message/content"), "12 + 7 = 19.");
  EXPECT_EQ(text_at(answer, "/choices/0/message/reasoning_content"), "I need to add 12 and 7. The sum is 19.");
  EXPECT_EQ(text_at(answer, "/choices/0/finish_reason"), "stop");
  EXPECT_EQ(text_at(answer, "/object"), "chat.completion");
  EXPECT_EQ(text_at(answer, "/model"), "demo");
}

TEST_F(ChatCompletions, AStreamAddsUpToTheWholeAnswer) {
  start();
  json::object thinking = greedy(kSum);
  thinking["chat_template_kwargs"] = json::object{{"enable_thinking", true}};
  json::object tools = greedy(kWeather);
  tools["tools"] = weather_tools();
  for (const json::object& request : {greedy(kStory), thinking, tools}) {
    const json::value whole = ask(kPath, request);
    const std::vector<StreamEvent> events = stream(kPath, request);
    json::object sum = put_together(events, 0);
    json::object expected = at(whole, "/choices/0/message").as_object();
    if (expected["content"].is_null()) expected["content"] = "";
    if (expected.contains("tool_calls")) {  // ids are new each time
      expected["tool_calls"].at(0).as_object().erase("id");
      sum["message"].at("tool_calls").at(0).as_object().erase("id");
    }
    EXPECT_EQ(sum["message"], json::value(expected));
    EXPECT_EQ(sum["finish_reason"], at(whole, "/choices/0/finish_reason"));
    EXPECT_EQ(events.back().data, "[DONE]");
  }
}

TEST_F(ChatCompletions, AModelCallsAToolAndReadsItsResult) {
  start();
  json::object request = greedy(kWeather);
  request["tools"] = weather_tools();
  const json::value answer = ask(kPath, request);
  EXPECT_EQ(text_at(answer, "/choices/0/finish_reason"), "tool_calls");
  EXPECT_TRUE(at(answer, "/choices/0/message/content").is_null());
  const json::value& call = at(answer, "/choices/0/message/tool_calls/0");
  EXPECT_EQ(text_at(call, "/function/name"), "get_weather");
  EXPECT_EQ(json::parse(text_at(call, "/function/arguments")), json::value({{"city", "Oslo"}}));
  json::array& messages = request["messages"].as_array();
  messages.push_back(at(answer, "/choices/0/message"));
  messages.push_back(
      json::object{{"role", "tool"}, {"tool_call_id", at(call, "/id")}, {"content", "sunny, 12 degrees"}});
  const json::value last = ask(kPath, request);
  EXPECT_EQ(text_at(last, "/choices/0/finish_reason"), "stop");
  EXPECT_NE(text_at(last, "/choices/0/message/content"), "");
}

TEST_F(ChatCompletions, WithToolChoiceNoneTheModelIsToldOfNoTools) {
  start();
  json::object request = greedy(kWeather);
  const json::value without = ask(kPath, request);
  request["tools"] = weather_tools();
  request["tool_choice"] = "none";
  EXPECT_EQ(at(ask(kPath, request), "/usage/prompt_tokens"), at(without, "/usage/prompt_tokens"));
}

TEST_F(ChatCompletions, AStopStringEndsTheAnswerAndIsNotInIt) {
  start();
  json::object request = greedy(kStory);
  const std::string whole = text_at(ask(kPath, request), "/choices/0/message/content");
  const std::string stop = whole.substr(20, 6);
  request["stop"] = stop;
  const json::value answer = ask(kPath, request);
  EXPECT_EQ(text_at(answer, "/choices/0/message/content"), whole.substr(0, whole.find(stop)));
  EXPECT_EQ(text_at(answer, "/choices/0/finish_reason"), "stop");
  EXPECT_EQ(put_together(stream(kPath, request), 0)["message"].at("content"), at(answer, "/choices/0/message/content"));
}

TEST_F(ChatCompletions, SeveralChoicesAreThoseOfTheirSeeds) {
  start();
  json::object request = greedy(kStory);
  request["temperature"] = 1.0;
  request["max_tokens"] = 12;
  request["seed"] = 7;
  request["n"] = 3;
  const json::value three = ask(kPath, request);
  const std::vector<StreamEvent> events = stream(kPath, request);
  ASSERT_EQ(at(three, "/choices").as_array().size(), 3U);
  EXPECT_EQ(at(three, "/usage/completion_tokens"), 36);
  request.erase("n");
  for (std::int64_t i = 0; i < 3; ++i) {
    request["seed"] = 7 + i;
    const std::string expected = text_at(ask(kPath, request), "/choices/0/message/content");
    EXPECT_EQ(text_at(three, "/choices/" + std::to_string(i) + "/message/content"), expected);
    EXPECT_EQ(put_together(events, i)["message"].at("content"), json::value(expected));
  }
}

TEST_F(ChatCompletions, UsageCountsTokensAndWhatWasCached) {
  start();
  json::object request = greedy(kStory);
  request["max_tokens"] = 40;
  const json::value first = ask(kPath, request);
  EXPECT_EQ(at(first, "/usage/completion_tokens"), 40);
  EXPECT_EQ(at(first, "/usage/total_tokens").as_int64(), at(first, "/usage/prompt_tokens").as_int64() + 40);
  EXPECT_EQ(text_at(first, "/choices/0/finish_reason"), "length");
  json::array& messages = request["messages"].as_array();
  messages.push_back(at(first, "/choices/0/message"));
  messages.push_back(json::object{{"role", "user"}, {"content", "What is 1 + 1?"}});
  EXPECT_GT(at(ask(kPath, request), "/usage/prompt_tokens_details/cached_tokens").as_int64(), 0);
}

TEST_F(ChatCompletions, AStreamEndsWithUsageOnlyIfAskedTo) {
  start();
  json::object request = greedy(kSum);
  for (const StreamEvent& event : stream(kPath, request)) EXPECT_EQ(event.data.find("usage"), std::string::npos);
  request["stream_options"] = json::object{{"include_usage", true}};
  const std::vector<StreamEvent> events = stream(kPath, request);
  const json::value last = events[events.size() - 2].json();
  EXPECT_TRUE(at(last, "/choices").as_array().empty());
  EXPECT_EQ(at(last, "/usage"), at(ask(kPath, request), "/usage"));
}

}  // namespace
}  // namespace marlin::api
