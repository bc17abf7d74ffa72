// SPDX-License-Identifier: Apache-2.0
// Where reasoning, content and calls begin and end. Each case is cut in many ways; what is held back is tested apart.
#include "text/output_parser.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "tests/support/fixtures.h"
#include "tests/text/output_cases.h"
#include "text/chat_template.h"

namespace marlin {
namespace {

namespace json = boost::json;

using test::check_output;
using test::kGlm;
using test::kQwen;
using test::OutputSetting;
using test::OutputStream;
using test::parse_output;

constexpr OutputFormat kPlain = {};
constexpr OutputFormat kThinking = {.reasoning = true};

TEST(OutputParser, WithoutAFormatAllIsContent) {
  const std::string_view text = " \n<think>a</think><tool_call>now</tool_call> \n";
  check_output({kPlain}, text, "C( \n<think>a</think><tool_call>now</tool_call> \n)");
  check_output({kPlain}, "", "");
}

TEST(OutputParser, WithoutToolsCallsAreContent) {
  check_output({kGlm, false, {}}, "a <tool_call>now</tool_call>\n", "C(a <tool_call>now</tool_call>\n)");
  check_output({kQwen, false, {}}, "<tool_call>{\"name\": \"now\"}", "C(<tool_call>{\"name\": \"now\"})");
}

TEST(OutputParser, ReasoningThatThePromptBegan) {
  check_output({kThinking, true}, "Let me see.</think>42", "R(Let me see.) C(42)");
  check_output({kThinking, true}, "Let me", "R(Let me)");
  check_output({kThinking, true}, "</think>42", "C(42)");
  check_output({kThinking, true}, "<think>again</think>42", "R(again) C(42)");
}

TEST(OutputParser, ReasoningThatTheModelBegins) {
  check_output({kThinking}, "<think>\nLet me\nsee.\n</think>\n\n42\n", "R(Let me\nsee.) C(42\n)");
  check_output({kThinking}, "\n <think>a</think>", "R(a)");
  check_output({kThinking}, "<think>\n\n</think>\n\n42", "C(42)");
  check_output({kThinking}, "</think>\n42", "C(42)");
  check_output({kThinking}, " 42", "C(42)");
}

TEST(OutputParser, ThinkMarkersElsewhereAreText) {
  check_output({kThinking}, "Write <think>x</think> so", "C(Write <think>x</think> so)");
  check_output({kThinking, true}, "a <think> b</think>c</think>d", "R(a <think> b) C(c</think>d)");
}

TEST(OutputParser, AlmostMarkersAreText) {
  check_output({kThinking, true}, "a</thin</think>b</think", "R(a</thin) C(b</think)");
  check_output({kThinking, true}, "<<</think>>", "R(<<) C(>)");
  check_output({kGlm}, "1 <2 <tool_ <tool_cal", "C(1 <2 <tool_ <tool_cal)");
  check_output({kGlm}, "<<tool_call>now</tool_call>", "C(<) CALL(now){}");
}

TEST(OutputParser, CharactersAreNeverSplit) {
  check_output({kThinking, true}, "世é</think>🙂<", "R(世é) C(🙂<)");
  check_output({kThinking, true}, "\xE4\xB8</think>\xFF", "R(\xEF\xBF\xBD) C(\xEF\xBF\xBD)");
  check_output({kGlm}, "é<tool_call>weather<arg_key>ключ</arg_key><arg_value>🙂</arg_value></tool_call>",
               "C(é) CALL(weather){\"ключ\": \"🙂\"}");
  check_output({kQwen}, "<tool_call>{\"name\": \"é\", \"arguments\": {\"世\": \"🙂\"}}",
               "CALL(é){\"世\": \"🙂\"}");
}

TEST(OutputParser, ContentRoundCallsIsKept) {
  check_output({kGlm}, "a<tool_call>now</tool_call>b<tool_call>now</tool_call>c",
               "C(a) CALL(now){} C(b) CALL(now){} C(c)");
}

TEST(OutputParser, WhiteSpaceRoundCallsIsKeptOnlyBetweenContent) {
  check_output({kGlm, true}, "r\n</think>\n\na \n<tool_call>now</tool_call>\n", "R(r) C(a) CALL(now){}");
  check_output({kGlm}, "\n<tool_call>now</tool_call>\n<tool_call>now</tool_call>\nb", "CALL(now){} CALL(now){} C(b)");
  check_output({kGlm}, "a\n<tool_call>now</tool_call>\nb\n", "C(a) CALL(now){} C(\n\nb\n)");
  const OutputFormat calls_only = {.tool_calls = ToolCallStyle::kHermes};
  check_output({calls_only}, "\n a", "C(\n a)");
  check_output({calls_only}, "\n <tool_call>{\"name\": \"now\"}</tool_call> a", "CALL(now){} C(a)");
}

TEST(OutputParser, CallsWithinReasoning) {
  check_output({kGlm, true}, "So:\n<tool_call>now</tool_call>\n", "R(So:) CALL(now){}");
  check_output({kQwen, true}, "So <tool_call>{\"name\": \"now\"}</tool_call> and</think>a",
               "R(So) CALL(now){} R(  and) C(a)");
  // Only to functions of the request: reasoning may be about calls.
  check_output({kGlm, true}, "<tool_call>f</tool_call></think>a", "R(<tool_call>f</tool_call>) C(a)");
  check_output({kGlm, true}, "<tool_call>f<arg_key>", "R(<tool_call>f<arg_key>)");
  check_output({kQwen, true}, "<tool_call>{\"name\": \"f\"}</think>a", "R(<tool_call>{\"name\": \"f\"}) C(a)");
  check_output({kGlm, true}, "<tool_call></think>a", "R(<tool_call>) C(a)");
  check_output({kGlm, true}, "<tool_call>now</think>a", "R(<tool_call>now) C(a)");
}
TEST(OutputParser, HoldsBackOnlyWhatMayBeAMarker) {
  OutputStream stream(kGlm, true);
  EXPECT_EQ(stream.push("a<"), "a");
  EXPECT_EQ(stream.push("b</"), "<b");
  EXPECT_EQ(stream.push("think"), "");
  EXPECT_EQ(stream.push("s>c"), "</thinks>c");
  EXPECT_EQ(stream.push("</think>d <tool"), "d");
  EXPECT_EQ(stream.push("s"), " <tools");
  EXPECT_EQ(stream.push("<tool_call>the "), "");
  EXPECT_EQ(stream.push("marker "), "");
  EXPECT_EQ(stream.push("itself"), "<tool_call>the marker itself");
  EXPECT_EQ(stream.push("<tool_call>?"), "<tool_call>?");
}

TEST(OutputParser, HoldsBackWhiteSpaceOnlyWhereItMayBeDropped) {
  OutputStream calls(kQwen);
  EXPECT_EQ(calls.push("a\n"), "a");
  EXPECT_EQ(calls.push("b"), "\nb");
  OutputStream no_calls(kPlain);
  EXPECT_EQ(no_calls.push("a\n"), "a\n");
}

TEST(OutputParser, EventsOfOnePieceAreMerged) {
  OutputStream stream(kGlm, true);
  stream.push("some thought</think>an answer<tool_call>now</tool_call>");
  std::vector<OutputEvent::Kind> kinds;
  for (const OutputEvent& event : stream.events) kinds.push_back(event.kind);
  using Kind = OutputEvent::Kind;
  EXPECT_EQ(kinds, (std::vector<Kind>{Kind::kReasoning, Kind::kContent, Kind::kCallBegin, Kind::kCallArguments,
                                      Kind::kCallEnd}));
}

// Reading from the last possible beginning again and again would take 10^10 steps.
TEST(OutputParser, TimeIsLinearInHostileText) {
  for (const std::string_view part :
       {"<tool_call>{\"", "<tool_call>a ", "</tool_cal", "<tool_call> ", " \n", "[", "<"}) {
    std::string text = "<tool_call>{\"name\": [\"";
    while (text.size() < 200'000) text += part;
    for (const OutputFormat& format : {kGlm, kQwen}) {
      OutputStream stream(format);
      std::size_t n_bytes = 0;
      for (std::size_t i = 0; i < text.size(); i += 10)
        n_bytes += stream.push(std::string_view(text).substr(i, 10)).size();
      stream.events.clear();
      stream.parser.finish(stream.events);
      for (const OutputEvent& event : stream.events) n_bytes += event.n_bytes;
      EXPECT_EQ(n_bytes, text.size());
    }
  }
}

TEST(OutputParser, RandomMixturesOfMarkersDoNotDependOnTheCut) {
  constexpr std::string_view kParts[] = {
      "<think>",      "</think>", "<tool_call>",    "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>",
      "</arg_value>", "weather",  "city",           "days",         "now",       " ",          "\n",
      "12",           "<",        "{\"name\":",     "\"weather\",", "}",         "\"",         "é",
      "\\",           "\xE4",     "\"arguments\":{"};
  std::mt19937 random(4);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::size_t n = random() % 12; n > 0; --n) text += kParts[random() % std::size(kParts)];
    const OutputSetting setting = {round % 2 == 0 ? kGlm : kQwen, round % 4 < 2};
    std::vector<std::string_view> pieces;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t n = std::min<std::size_t>(1 + random() % 6, text.size() - begin);
      pieces.push_back(std::string_view(text).substr(begin, n));
      begin += n;
    }
    ASSERT_EQ(parse_output(setting, pieces), parse_output(setting, {text})) << text;
  }
}

// What templates write for an answer is what models were taught to write.
TEST(OutputParser, ReadsWhatPublishedTemplatesWrite) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  const json::value question = {{"role", "user"}, {"content", "Weather?"}};
  const json::value answer = json::parse(R"({"role": "assistant", "reasoning_content": "Two calls.", "content": "Well.",
    "tool_calls": [
      {"type": "function", "function": {"name": "weather", "arguments": {"city": "Oslo \"é\"", "days": 2}}},
      {"type": "function", "function": {"name": "now", "arguments": {}}}]})");
  for (const std::string_view name : {"GLM-4.7-Flash", "GLM-5.2", "Qwen-Qwen3-0.6B"}) {
    std::ifstream file(test::fixture(fmt::format("chat-templates/{}.jinja", name)));
    const std::string source{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const ChatTemplate chat = ChatTemplate::from_source(source, name);
    ChatOptions options;
    options.tools = test::demo_tools();
    const std::string prompt = chat.render({question}, options).text();
    options.add_generation_prompt = false;
    const std::string whole = chat.render({question, answer}, options).text();
    ASSERT_TRUE(whole.starts_with(prompt)) << name;
    const OutputFormat format = output_format_of_template(source);
    std::string_view written = std::string_view(whole).substr(prompt.size());
    if (written.ends_with("<|im_end|>\n")) written.remove_suffix(11);
    check_output({format, starts_in_reasoning(format, prompt)}, written,
                 "R(Two calls.) C(Well.) CALL(weather){\"city\": \"Oslo \\\"é\\\"\", \"days\": 2} CALL(now){}");
  }
}

}  // namespace
}  // namespace marlin
