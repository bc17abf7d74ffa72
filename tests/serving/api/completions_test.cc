// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/serving/api/api_fixture.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kPath = "/v1/completions";
constexpr std::string_view kFox = R"({"prompt": "One day, a fox", "temperature": 0, "max_tokens": 30})";

class Completions : public ApiTest {};

std::string put_together(const std::vector<StreamEvent>& events, std::int64_t index) {
  std::string text;
  for (const StreamEvent& event : events) {
    if (event.data == "[DONE]") continue;
    const json::value chunk = event.json();
    for (const json::value& choice : at(chunk, "/choices").as_array()) {
      if (at(choice, "/index") == index) text += text_at(choice, "/text");
    }
  }
  return text;
}

TEST_F(Completions, AStreamAddsUpToTheWholeText) {
  start();
  const json::object request = json::parse(kFox).as_object();
  const json::value whole = ask(kPath, request);
  EXPECT_EQ(text_at(whole, "/object"), "text_completion");
  EXPECT_EQ(text_at(whole, "/choices/0/finish_reason"), "length");
  EXPECT_EQ(at(whole, "/usage/completion_tokens"), 30);
  const std::vector<StreamEvent> events = stream(kPath, request);
  EXPECT_GT(events.size(), 5U);
  EXPECT_EQ(put_together(events, 0), text_at(whole, "/choices/0/text"));
  EXPECT_EQ(events.back().data, "[DONE]");
}

TEST_F(Completions, APromptMayBeTokens) {
  start();
  json::object request = json::parse(kFox).as_object();
  const json::value of_text = ask(kPath, request);
  request["prompt"] = at(ask("/tokenize", json::object{{"prompt", "One day, a fox"}}), "/tokens");
  EXPECT_EQ(text_at(ask(kPath, request), "/choices/0/text"), text_at(of_text, "/choices/0/text"));
}

TEST_F(Completions, WithoutMaxTokensThereAre16) {
  start();
  json::object request = json::parse(kFox).as_object();
  request.erase("max_tokens");
  request["ignore_eos"] = true;
  EXPECT_EQ(at(ask(kPath, request), "/usage/completion_tokens"), 16);
}

TEST_F(Completions, AStopStringEndsTheText) {
  start();
  json::object request = json::parse(kFox).as_object();
  const std::string whole = text_at(ask(kPath, request), "/choices/0/text");
  request["stop"] = json::array{"never to be seen", whole.substr(10, 4)};
  const json::value stopped = ask(kPath, request);
  EXPECT_EQ(text_at(stopped, "/choices/0/text"), whole.substr(0, whole.find(whole.substr(10, 4))));
  EXPECT_EQ(text_at(stopped, "/choices/0/finish_reason"), "stop");
}

TEST_F(Completions, SeveralChoicesStreamSideBySide) {
  start();
  json::object request = json::parse(kFox).as_object();
  request["n"] = 2;
  const std::vector<StreamEvent> events = stream(kPath, request);
  EXPECT_NE(put_together(events, 0), "");
  EXPECT_EQ(put_together(events, 0), put_together(events, 1));  // both greedy
}

}  // namespace
}  // namespace marlin::api
