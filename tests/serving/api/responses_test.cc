// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/serving/api/api_fixture.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kPath = "/v1/responses";
constexpr std::string_view kThinking = R"({"input": "What is 12 + 7?", "chat_template_kwargs": {}})";
constexpr std::string_view kWeather = R"({"input": "What is the weather in Oslo?"})";

class Responses : public ApiTest {
 protected:
  static json::object weather() {
    json::object request = greedy(kWeather);
    json::object tool = at(weather_tools(), "/0/function").as_object();
    tool["type"] = "function";
    request["tools"] = json::array{tool};
    return request;
  }
};

/// An output without its ids, which are new each time.
json::array without_ids(json::array output) {
  for (json::value& item : output) {
    item.as_object().erase("id");
    item.as_object().erase("call_id");
  }
  return output;
}

std::vector<std::string> names_of(const std::vector<StreamEvent>& events) {
  std::vector<std::string> names;
  for (const StreamEvent& event : events) {
    if (names.empty() || names.back() != event.name) names.push_back(event.name);  // deltas once
  }
  return names;
}

TEST_F(Responses, AnAnswerIsAListOfItems) {
  start();
  const json::value response = ask(kPath, greedy(kThinking));
  EXPECT_EQ(text_at(response, "/object"), "response");
  EXPECT_EQ(text_at(response, "/status"), "completed");
  EXPECT_EQ(text_at(response, "/output/0/type"), "reasoning");
  EXPECT_EQ(text_at(response, "/output/0/content/0/text"), "I need to add 12 and 7. The sum is 19.");
  EXPECT_EQ(text_at(response, "/output/1/type"), "message");
  EXPECT_EQ(text_at(response, "/output/1/content/0/text"), "12 + 7 = 19.");
  const std::int64_t reasoning = at(response, "/usage/output_tokens_details/reasoning_tokens").as_int64();
  EXPECT_GT(reasoning, 5);
  EXPECT_LT(reasoning, at(response, "/usage/output_tokens").as_int64());
}

TEST_F(Responses, AStreamTellsOfEveryItem) {
  start();
  const std::vector<StreamEvent> events = stream(kPath, greedy(kThinking));
  const std::vector<std::string> expected = {"response.created",
                                             "response.in_progress",
                                             "response.output_item.added",
                                             "response.content_part.added",
                                             "response.reasoning_text.delta",
                                             "response.reasoning_text.done",
                                             "response.content_part.done",
                                             "response.output_item.done",
                                             "response.output_item.added",
                                             "response.content_part.added",
                                             "response.output_text.delta",
                                             "response.output_text.done",
                                             "response.content_part.done",
                                             "response.output_item.done",
                                             "response.completed"};
  EXPECT_EQ(names_of(events), expected);
  std::string text;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const json::value event = events[i].json();
    EXPECT_EQ(text_at(event, "/type"), events[i].name);
    EXPECT_EQ(at(event, "/sequence_number"), static_cast<std::int64_t>(i));
    if (events[i].name == "response.output_text.delta") text += text_at(event, "/delta");
    if (events[i].name == "response.output_text.done") {
      EXPECT_EQ(text, text_at(event, "/text"));
    }
  }
  EXPECT_EQ(text, "12 + 7 = 19.");
}

TEST_F(Responses, AStreamEndsWithTheWholeAnswer) {
  start();
  for (const json::object& request : {greedy(kThinking), weather()}) {
    const json::value whole = ask(kPath, request);
    const std::vector<StreamEvent> events = stream(kPath, request);
    const json::value last = events.back().json();
    EXPECT_EQ(without_ids(at(last, "/response/output").as_array()), without_ids(at(whole, "/output").as_array()));
    json::array items;
    for (const StreamEvent& event : events) {
      if (event.name == "response.output_item.done") items.push_back(at(event.json(), "/item"));
    }
    EXPECT_EQ(items, at(last, "/response/output").as_array());
    EXPECT_EQ(at(last, "/response/usage/output_tokens"), at(whole, "/usage/output_tokens"));
  }
}

TEST_F(Responses, AModelCallsAToolAndReadsItsResult) {
  start();
  json::object request = weather();
  const json::value first = ask(kPath, request);
  const json::value& call = at(first, "/output/0");
  EXPECT_EQ(text_at(call, "/type"), "function_call");
  EXPECT_EQ(text_at(call, "/name"), "get_weather");
  EXPECT_EQ(json::parse(text_at(call, "/arguments")), json::value({{"city", "Oslo"}}));
  std::string arguments;
  for (const StreamEvent& event : stream(kPath, request)) {
    if (event.name == "response.function_call_arguments.delta") arguments += text_at(event.json(), "/delta");
  }
  EXPECT_EQ(arguments, text_at(call, "/arguments"));
  const json::object output{
      {"type", "function_call_output"}, {"call_id", at(call, "/call_id")}, {"output", "sunny, 12 degrees"}};
  request["input"] = json::array{json::object{{"role", "user"}, {"content", request["input"]}}, call, output};
  const json::value last = ask(kPath, request);
  EXPECT_EQ(text_at(last, "/output/0/type"), "message");
  EXPECT_GT(at(last, "/usage/input_tokens_details/cached_tokens").as_int64(), 0);
}

TEST_F(Responses, AnAnswerThatRunsOutOfTokensIsIncomplete) {
  start();
  json::object request = weather();
  request["max_output_tokens"] = 7;  // within the arguments
  const json::value response = ask(kPath, request);
  EXPECT_EQ(text_at(response, "/status"), "incomplete");
  EXPECT_EQ(text_at(response, "/incomplete_details/reason"), "max_output_tokens");
  EXPECT_EQ(text_at(response, "/output/0/status"), "incomplete");
  EXPECT_EQ(stream(kPath, request).back().name, "response.incomplete");
}

TEST_F(Responses, AResponseRepeatsWhatWasAskedFor) {
  start();
  json::object request = greedy(kWeather);
  request["instructions"] = "Be brief.";
  request["metadata"] = json::object{{"mine", "7"}};
  request["max_output_tokens"] = 3;
  const json::value response = ask(kPath, request);
  for (const std::string_view key : {"instructions", "metadata", "max_output_tokens"}) {
    EXPECT_EQ(response.at(key), request.at(key));
  }
  EXPECT_EQ(at(response, "/temperature").to_number<double>(), 0);
}

}  // namespace
}  // namespace marlin::api
