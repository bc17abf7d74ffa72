// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/serving/api/api_fixture.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kPath = "/v1/messages";
constexpr std::string_view kThinking =
    R"({"max_tokens": 100, "messages": [{"role": "user", "content": "What is 12 + 7?"}],
                                           "chat_template_kwargs": {}})";
constexpr std::string_view kWeather =
    R"({"max_tokens": 100, "messages": [{"role": "user", "content": "What is the weather in Oslo?"}]})";

class Messages : public ApiTest {
 protected:
  static json::object weather() {
    json::object request = greedy(kWeather);
    json::object tool = at(weather_tools(), "/0/function").as_object();
    tool["input_schema"] = tool["parameters"];
    tool.erase("parameters");
    request["tools"] = json::array{tool};
    return request;
  }
};

/// The message that the events of a stream make, as Anthropic's clients put it together.
json::object put_together(const std::vector<StreamEvent>& events) {
  json::object message;
  std::vector<std::string> inputs;
  for (const StreamEvent& received : events) {
    const json::value event = received.json();
    EXPECT_EQ(text_at(event, "/type"), received.name);
    if (received.name == "message_start") {
      message = at(event, "/message").as_object();
    } else if (received.name == "content_block_start") {
      EXPECT_EQ(at(event, "/index"), static_cast<std::int64_t>(inputs.size()));
      message["content"].as_array().push_back(at(event, "/content_block"));
      inputs.emplace_back();
    } else if (received.name == "content_block_delta") {
      const json::object& delta = at(event, "/delta").as_object();
      json::object& block = message["content"].as_array().back().as_object();
      if (delta.at("type") == "text_delta") block["text"].as_string() += delta.at("text").as_string();
      if (delta.at("type") == "thinking_delta") block["thinking"].as_string() += delta.at("thinking").as_string();
      if (delta.at("type") == "input_json_delta") inputs.back() += delta.at("partial_json").as_string();
    } else if (received.name == "content_block_stop") {
      if (!inputs.back().empty())
        message["content"].as_array().back().as_object()["input"] = json::parse(inputs.back());
    } else if (received.name == "message_delta") {
      for (const auto& [key, value] : at(event, "/delta").as_object()) message[key] = value;
      message["usage"] = at(event, "/usage");
    }
  }
  return message;
}

/// A message without ids and what the cache changes.
json::object comparable(json::object message) {
  message.erase("id");
  message.erase("usage");
  for (json::value& block : message["content"].as_array()) block.as_object().erase("id");
  return message;
}

TEST_F(Messages, AnAnswerIsAMessageOfBlocks) {
  start();
  const json::value message = ask(kPath, greedy(kThinking));
  EXPECT_EQ(text_at(message, "/type"), "message");
  EXPECT_EQ(text_at(message, "/content/0/type"), "thinking");
  EXPECT_EQ(text_at(message, "/content/0/thinking"), "I need to add 12 and 7. The sum is 19.");
  EXPECT_EQ(text_at(message, "/content/1/text"), "12 + 7 = 19.");
  EXPECT_EQ(text_at(message, "/stop_reason"), "end_turn");
  EXPECT_TRUE(at(message, "/stop_sequence").is_null());
}

TEST_F(Messages, AStreamAddsUpToTheWholeMessage) {
  start();
  for (const json::object& request : {greedy(kThinking), weather()}) {
    const std::vector<StreamEvent> events = stream(kPath, request);
    EXPECT_EQ(comparable(put_together(events)), comparable(ask(kPath, request).as_object()));
    EXPECT_EQ(events.back().name, "message_stop");
  }
}

TEST_F(Messages, AModelCallsAToolAndReadsItsResult) {
  start();
  json::object request = weather();
  const json::value first = ask(kPath, request);
  EXPECT_EQ(text_at(first, "/stop_reason"), "tool_use");
  EXPECT_EQ(text_at(first, "/content/0/name"), "get_weather");
  EXPECT_EQ(at(first, "/content/0/input"), json::value({{"city", "Oslo"}}));
  const json::object result{
      {"type", "tool_result"}, {"tool_use_id", at(first, "/content/0/id")}, {"content", "sunny, 12 degrees"}};
  json::array& messages = request["messages"].as_array();
  messages.push_back(json::object{{"role", "assistant"}, {"content", at(first, "/content")}});
  messages.push_back(json::object{{"role", "user"}, {"content", json::array{result}}});
  const json::value last = ask(kPath, request);
  EXPECT_EQ(text_at(last, "/stop_reason"), "end_turn");
  EXPECT_EQ(text_at(last, "/content/0/type"), "text");
  EXPECT_GT(at(last, "/usage/cache_read_input_tokens").as_int64(), 0);
}

TEST_F(Messages, TheSequenceThatStoppedItIsNamed) {
  start();
  json::object request = greedy(kThinking);
  request["thinking"] = json::object{{"type", "disabled"}};
  request["stop_sequences"] = json::array{"never to be seen", " = "};
  const json::value message = ask(kPath, request);
  EXPECT_EQ(text_at(message, "/content/0/text"), "12 + 7");
  EXPECT_EQ(text_at(message, "/stop_reason"), "stop_sequence");
  EXPECT_EQ(text_at(message, "/stop_sequence"), " = ");
  EXPECT_EQ(comparable(put_together(stream(kPath, request))), comparable(message.as_object()));
}

TEST_F(Messages, AnAnswerThatRunsOutOfTokensSaysSo) {
  start();
  json::object request = greedy(kWeather);
  request["max_tokens"] = 3;
  const json::value message = ask(kPath, request);
  EXPECT_EQ(text_at(message, "/stop_reason"), "max_tokens");
  EXPECT_EQ(at(message, "/usage/output_tokens"), 3);
}

TEST_F(Messages, CountingTokensCountsThoseOfThePrompt) {
  start();
  json::object request = weather();
  request["system"] = "Be brief.";
  const json::value message = ask(kPath, request);
  request.erase("max_tokens");
  EXPECT_EQ(at(ask("/v1/messages/count_tokens", request), "/input_tokens").as_int64(),
            at(message, "/usage/input_tokens").as_int64() + at(message, "/usage/cache_read_input_tokens").as_int64());
}

TEST_F(Messages, TheApiKeyMayComeAsAnthropicSendsIt) {
  start({}, {"secret"});
  EXPECT_EQ(post(kPath, greedy(kWeather), "x-api-key: secret\r\n").status, 200);
  const http::RawResponse refused = post(kPath, greedy(kWeather), "x-api-key: guess\r\n");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(text_at(json::parse(refused.body), "/error/type"), "authentication_error");
  EXPECT_EQ(text_at(json::parse(refused.body), "/type"), "error");
}

}  // namespace
}  // namespace marlin::api
