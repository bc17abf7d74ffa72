// SPDX-License-Identifier: Apache-2.0
// Recognition of what a model writes, on snippets and on published templates.
#include "text/output_format.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/fixtures.h"

namespace marlin {
namespace {

TEST(OutputFormat, IsRecognisedByMarkersInTheTemplate) {
  EXPECT_EQ(output_format_of_template("{{ messages[0].content }}"), OutputFormat{});
  EXPECT_EQ(output_format_of_template("{{ '</think>' }}"), OutputFormat{.reasoning = true});
  EXPECT_EQ(output_format_of_template("<tool_call>{name}<arg_key>{k}</arg_key>").tool_calls, ToolCallStyle::kGlm47);
  EXPECT_EQ(output_format_of_template("'<tool_call>\\n{\"name\": ', \"arguments\": '").tool_calls,
            ToolCallStyle::kHermes);
  EXPECT_EQ(output_format_of_template(R"(\n<tool_call>\n{\"name\": <n>, \"arguments\": <a>})").tool_calls,
            ToolCallStyle::kHermes);
  EXPECT_EQ(output_format_of_template("<tool_call>").tool_calls, ToolCallStyle::kNone);
  EXPECT_EQ(output_format_of_template("<tool_call>\"arguments\"<function=f>").tool_calls, ToolCallStyle::kNone);
}

TEST(OutputFormat, OfPublishedTemplates) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  const struct {
    std::string name;
    OutputFormat format;
  } cases[] = {
      {"GLM-4.7-Flash", {true, ToolCallStyle::kGlm47}},
      {"GLM-5.2", {true, ToolCallStyle::kGlm47}},
      {"Qwen-Qwen3-0.6B", {true, ToolCallStyle::kHermes}},
      {"Reka-Edge", {true, ToolCallStyle::kHermes}},
      {"Bielik-11B-v3.0-Instruct", {true, ToolCallStyle::kHermes}},
      {"NousResearch-Hermes-3-Llama-3.1-8B-tool_use", {false, ToolCallStyle::kHermes}},
      {"Qwen3-Coder", {false, ToolCallStyle::kNone}},
      {"Qwen3.5-4B", {true, ToolCallStyle::kNone}},
      {"unsloth-Apriel-1.5", {false, ToolCallStyle::kNone}},
      {"deepseek-ai-DeepSeek-V3.1", {true, ToolCallStyle::kNone}},
      {"meta-llama-Llama-3.1-8B-Instruct", {false, ToolCallStyle::kNone}},
  };
  for (const auto& [name, format] : cases) {
    std::ifstream file(test::fixture("chat-templates/" + name + ".jinja"));
    const std::string source{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    ASSERT_FALSE(source.empty()) << name;
    EXPECT_EQ(output_format_of_template(source), format) << name;
  }
}

TEST(OutputFormat, ThePromptSaysWhetherTheAnswerStartsInReasoning) {
  const OutputFormat format = {.reasoning = true};
  EXPECT_TRUE(starts_in_reasoning(format, "<|assistant|><think>"));
  EXPECT_TRUE(starts_in_reasoning(format, "<|im_start|>assistant\n<think>\n"));
  EXPECT_FALSE(starts_in_reasoning(format, "<|im_start|>assistant\n<think>\n\n</think>\n\n"));
  EXPECT_FALSE(starts_in_reasoning(format, ""));
  EXPECT_FALSE(starts_in_reasoning({}, "<think>"));
}

}  // namespace
}  // namespace marlin
