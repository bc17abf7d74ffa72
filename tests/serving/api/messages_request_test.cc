// SPDX-License-Identifier: Apache-2.0
#include "serving/api/messages_request.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/error_of.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

json::value chat_of(std::string_view request) { return chat_of_messages(json::parse(request).as_object()); }

std::string error_of(std::string_view request) {
  return test::error_of([&] { chat_of(request); }).what();
}

TEST(MessagesRequest, TheSystemPromptIsTheFirstMessage) {
  const json::value expected =
      json::parse(R"([{"role": "system", "content": "ab"}, {"role": "user", "content": "Hi"}])");
  EXPECT_EQ(chat_of(R"({"system": "ab", "messages": [{"role": "user", "content": "Hi"}]})").at("messages"), expected);
  EXPECT_EQ(chat_of(R"({"system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]})")
                .at("messages"),
            expected);
}

TEST(MessagesRequest, ResultsOfToolsAreMessagesBeforeWhatTheUserSays) {
  EXPECT_EQ(chat_of(R"({"messages": [
      {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": ""},
                                        {"type": "redacted_thinking", "data": "?"},
                                        {"type": "text", "text": "Let me see."},
                                        {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}}]},
      {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "one"}]},
                                   {"type": "tool_result", "tool_use_id": "t2"},
                                   {"type": "text", "text": "Go on."}]},
      {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t3", "content": "three"}]}]})")
                .at("messages"),
            json::parse(R"([
      {"role": "assistant", "content": "Let me see.", "reasoning_content": "hm", "tool_calls": [
          {"id": "t1", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}}]},
      {"role": "tool", "tool_call_id": "t1", "content": "one"},
      {"role": "tool", "tool_call_id": "t2", "content": ""},
      {"role": "user", "content": "Go on."},
      {"role": "tool", "tool_call_id": "t3", "content": "three"}])"));
}

TEST(MessagesRequest, ToolsBecomeFunctionsAndThoseOfAnthropicAreLeftOut) {
  EXPECT_EQ(chat_of(R"({"messages": [{"role": "user", "content": "Hi"}], "tools": [
      {"type": "web_search_20250305", "name": "web_search"},
      {"name": "f", "description": "d", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}]})")
                .at("tools"),
            json::parse(R"([{"type": "function", "function":
      {"name": "f", "description": "d", "parameters": {"type": "object"}}}])"));
}

TEST(MessagesRequest, ToolChoiceStopsAndFormatHaveTheirFieldsInChatCompletions) {
  const auto changed = [](std::string_view fields) {
    return chat_of(R"({"messages": [{"role": "user", "content": "Hi"}], )" + std::string(fields) + "}");
  };
  EXPECT_EQ(changed(R"("tool_choice": {"type": "auto"})").at("tool_choice"), "auto");
  EXPECT_EQ(changed(R"("tool_choice": {"type": "none"})").at("tool_choice"), "none");
  EXPECT_EQ(changed(R"("tool_choice": {"type": "any"})").at("tool_choice"), "required");
  EXPECT_EQ(changed(R"("tool_choice": {"type": "tool", "name": "f"})").at("tool_choice"),
            json::parse(R"({"type": "function", "function": {"name": "f"}})"));
  EXPECT_EQ(changed(R"("stop_sequences": ["a", "b"])").at("stop"), json::parse(R"(["a", "b"])"));
  EXPECT_EQ(changed(R"("output_config": {"format": {"type": "json_schema", "schema": {}}})").at("response_format"),
            json::parse(R"({"type": "json_schema", "json_schema": {"name": "output", "schema": {}}})"));
}

TEST(MessagesRequest, ErrorsNameTheField) {
  EXPECT_EQ(error_of("{}"), "messages: a list of at least one message is needed");
  EXPECT_NE(error_of(R"({"messages": ["Hi"]})").find("messages[0]"), std::string::npos);
  EXPECT_NE(error_of(R"({"messages": [{"role": "tool", "content": "x"}]})").find("\"tool\""), std::string::npos);
  EXPECT_EQ(error_of(R"({"messages": [{"role": "user"}]})"),
            "messages[0], content: a string or a list of blocks is needed");
  EXPECT_NE(error_of(R"({"messages": [{"role": "user", "content": [{"type": "image"}]}]})").find("image"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]})").find("tool_use_id"),
            std::string::npos);
  EXPECT_NE(
      error_of(R"({"messages": [{"role": "user", "content": "Hi"}], "tools": [{"input_schema": {}}]})").find("name"),
      std::string::npos);
  EXPECT_NE(
      error_of(R"({"messages": [{"role": "user", "content": "Hi"}], "tool_choice": {"type": "maybe"}})").find("maybe"),
      std::string::npos);
}

}  // namespace
}  // namespace marlin::api
