// SPDX-License-Identifier: Apache-2.0
#include "serving/api/responses_request.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/error_of.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

json::value chat_of(std::string_view request) { return chat_of_responses(json::parse(request).as_object()); }

std::string error_of(std::string_view request) {
  return test::error_of([&] { chat_of(request); }).what();
}

TEST(ResponsesRequest, AStringIsWhatTheUserSays) {
  EXPECT_EQ(chat_of(R"({"input": "Hi", "instructions": "Be brief.", "temperature": 0.5, "max_output_tokens": 9})"),
            json::parse(R"({"temperature": 0.5, "max_output_tokens": 9,
                            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]})"));
}

TEST(ResponsesRequest, WhatTheAssistantThoughtSaidAndCalledIsOneMessage) {
  EXPECT_EQ(chat_of(R"({"input": [
      {"role": "developer", "content": "D"},
      {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]},
      {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
      {"type": "message", "role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": "Let me see."}]},
      {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"x\": 1}"},
      {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
      {"type": "function_call_output", "call_id": "c1", "output": "one"},
      {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
      {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "?"}]})")
                .at("messages"),
            json::parse(R"([
      {"role": "system", "content": "D"},
      {"role": "user", "content": "ab"},
      {"role": "assistant", "content": "Let me see.", "reasoning_content": "hm", "tool_calls": [
          {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
          {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
      {"role": "tool", "tool_call_id": "c1", "content": "one"},
      {"role": "tool", "tool_call_id": "c2", "content": "two"}])"));
}

TEST(ResponsesRequest, FunctionsStandOneLevelDeeperAndOtherToolsAreLeftOut) {
  const json::value chat = chat_of(R"({"input": "Hi", "tool_choice": {"type": "function", "name": "f"}, "tools": [
      {"type": "web_search"}, {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true}]})");
  EXPECT_EQ(chat.at("tools"), json::parse(R"([{"type": "function", "function":
      {"name": "f", "parameters": {"type": "object"}, "strict": true}}])"));
  EXPECT_EQ(chat.at("tool_choice"), json::parse(R"({"type": "function", "function": {"name": "f"}})"));
}

TEST(ResponsesRequest, FormatAndEffortHaveTheirFieldsInChatCompletions) {
  const json::value chat = chat_of(R"({"input": "Hi", "reasoning": {"effort": "none"},
      "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}})");
  EXPECT_EQ(chat.at("reasoning_effort"), "none");
  EXPECT_EQ(chat.at("response_format"),
            json::parse(R"({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}})"));
}

TEST(ResponsesRequest, ErrorsNameTheField) {
  EXPECT_EQ(error_of(R"({"input": "Hi", "previous_response_id": "resp_1"})"),
            "previous_response_id: this server keeps no answers; send the whole conversation as input");
  EXPECT_EQ(error_of(R"({"input": "Hi", "background": true})"),
            "background: this server answers while the client waits");
  EXPECT_EQ(error_of(R"({"messages": []})"), "input: a string or a list of items is needed");
  EXPECT_EQ(error_of(R"({"input": [7]})"), "input[0]: an item must be an object");
  EXPECT_NE(error_of(R"({"input": [{"type": "item_reference", "id": "x"}]})").find("input[0]"), std::string::npos);
  EXPECT_NE(error_of(R"({"input": [{"role": "owner", "content": ""}]})").find("\"owner\""), std::string::npos);
  EXPECT_NE(error_of(R"({"input": [{"role": "user", "content": [{"type": "input_image"}]}]})").find("input_image"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]})").find("call_id"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"input": "Hi", "tools": [{}]})").find("tools"), std::string::npos);
  EXPECT_NE(error_of(R"({"input": "Hi", "tool_choice": {"type": "web_search"}})").find("tool_choice"),
            std::string::npos);
}

}  // namespace
}  // namespace marlin::api
