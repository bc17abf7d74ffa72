// SPDX-License-Identifier: Apache-2.0
#include "serving/load/openai_messages.h"

#include <gtest/gtest.h>

#include <array>

#include "io/json.h"
#include "metal_marlin/error.h"

namespace marlin::load {
namespace {

constexpr std::array<std::uint32_t, 3> kPicks = {2, 0, 2};

std::vector<std::int32_t> many_ids() {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(100 + i);
  return ids;
}

TEST(OpenAiMessages, CompletionsGetTokenIds) {
  const RequestForm form{.model = "m", .vocabulary = PromptVocabulary(many_ids())};
  EXPECT_EQ(form.path(), "/completions");
  EXPECT_EQ(parse_json(form.body(kPicks, 7), "body"),
            parse_json(R"({"model": "m", "max_tokens": 7, "temperature": 0, "stream": true, "ignore_eos": true,
                           "stream_options": {"include_usage": true}, "prompt": [102, 100, 102]})",
                       "expected"));
}

TEST(OpenAiMessages, ChatsGetWords) {
  const RequestForm form{.endpoint = Endpoint::kChat, .model = "m", .vocabulary = {}, .ignore_eos = false};
  EXPECT_EQ(form.path(), "/chat/completions");
  const auto body = parse_json(form.body(kPicks, 7), "body");
  EXPECT_FALSE(body.as_object().contains("ignore_eos"));
  EXPECT_EQ(body.at("messages").at(0).at("content"), "people time people");
}

TEST(OpenAiMessages, TooFewIdsAreNoVocabulary) {
  EXPECT_TRUE(PromptVocabulary(many_ids()).has_ids());
  EXPECT_FALSE(PromptVocabulary(std::vector<std::int32_t>(100, 5)).has_ids());
  EXPECT_EQ(PromptVocabulary(std::vector<std::int32_t>(100, 5)).size(), PromptVocabulary().size());
}

TEST(OpenAiMessages, TextIsWhateverTheModelGenerates) {
  EXPECT_TRUE(read_stream_message(R"({"choices": [{"text": "a"}]})").has_text);
  EXPECT_TRUE(read_stream_message(R"({"choices": [{"delta": {"content": "a"}}]})").has_text);
  EXPECT_TRUE(read_stream_message(R"({"choices": [{"delta": {"content": null, "reasoning_content": "a"}}]})").has_text);
  EXPECT_TRUE(read_stream_message(R"({"choices": [{"delta": {"reasoning": "a"}}]})").has_text);
  EXPECT_TRUE(read_stream_message(R"({"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]})").has_text);
  EXPECT_FALSE(read_stream_message(R"({"choices": [{"delta": {"role": "assistant", "content": ""}}]})").has_text);
  EXPECT_FALSE(read_stream_message(R"({"choices": [{"text": "", "finish_reason": "stop"}]})").has_text);
  EXPECT_FALSE(read_stream_message(R"({"choices": []})").has_text);
}

TEST(OpenAiMessages, UsageComesWithAnyMessage) {
  EXPECT_FALSE(read_stream_message(R"({"choices": [], "usage": null})").usage.has_value());
  const auto usage = read_stream_message(R"({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4,
                                             "prompt_tokens_details": {"cached_tokens": 8}}})")
                         .usage;
  ASSERT_TRUE(usage.has_value());
  EXPECT_EQ(usage->prompt_tokens, 9);
  EXPECT_EQ(usage->completion_tokens, 4);
  EXPECT_EQ(usage->cached_tokens, 8);
}

TEST(OpenAiMessages, TheEndAndErrorsAreSeen) {
  EXPECT_TRUE(read_stream_message("[DONE]").is_done);
  EXPECT_EQ(read_stream_message(R"({"error": {"message": "no memory", "code": 500}})").error, "no memory");
  EXPECT_EQ(read_stream_message(R"({"error": "short"})").error, "short");
  EXPECT_EQ(read_stream_message(R"({"error": {"code": 5}})").error, R"({"code":5})");
}

TEST(OpenAiMessages, OtherMessagesAreErrors) {
  for (const char* data : {"", "[done]", "{", "[]", R"({"choices": 1})", R"({"choices": [1]})",
                           R"({"choices": [{"text": 1}]})", R"({"choices": [{"delta": []}]})",
                           R"({"usage": {"prompt_tokens": -1}})", R"({"usage": {"prompt_tokens": 1e30}})"}) {
    EXPECT_THROW(read_stream_message(data), Error) << data;
  }
}

TEST(OpenAiMessages, ModelsAndTokens) {
  EXPECT_EQ(read_first_model(R"({"data": [{"id": "a"}, {"id": "b"}]})"), "a");
  EXPECT_THROW(read_first_model(R"({"data": []})"), Error);
  EXPECT_THROW(read_first_model("<html>"), Error);
  EXPECT_EQ(read_token_ids(R"({"tokens": [3, 5], "count": 2})"), (std::vector<std::int32_t>{3, 5}));
  EXPECT_TRUE(read_token_ids("{}").empty());
  EXPECT_THROW(read_token_ids(R"({"tokens": ["a"]})"), Error);
  EXPECT_THROW(read_token_ids(R"({"tokens": [4294967296]})"), Error);
}

TEST(OpenAiMessages, AnyBodyOfAnErrorCanBeShown) {
  EXPECT_EQ(read_error(R"({"error": {"message": "busy"}})"), "busy");
  EXPECT_EQ(read_error("Bad Gateway\r\n"), "Bad Gateway");
  EXPECT_EQ(read_error("\n"), "");
  EXPECT_EQ(read_error("[1]"), "[1]");
  EXPECT_LT(read_error(std::string(100'000, 'x')).size(), 200U);
  EXPECT_EQ(read_error("\x1b[2J").find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace marlin::load
