// SPDX-License-Identifier: Apache-2.0
// Calls as GLM writes them, and as it should not, seen through OutputParser.
#include "text/glm_tool_call.h"

#include <gtest/gtest.h>

#include "tests/text/output_cases.h"

namespace marlin {
namespace {

using test::kGlm;
using test::OutputStream;

void check(std::string_view text, std::string_view expected) { test::check_output({kGlm}, text, expected); }

TEST(GlmToolCall, ReadsCalls) {
  check("<tool_call>now</tool_call>", "CALL(now){}");
  check("<tool_call>\nnow\n</tool_call>", "CALL(now){}");
  check(
      "<tool_call>weather<arg_key>city</arg_key><arg_value>Oslo</arg_value><arg_key>days</arg_key><arg_value>2"
      "</arg_value></tool_call>",
      "CALL(weather){\"city\": \"Oslo\", \"days\": 2}");
  check(
      "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n<arg_key>place</arg_key>\n<arg_value>"
      "{\"x\": [1]}</arg_value>\n</tool_call>\n",
      "CALL(weather){\"city\": \"Oslo\", \"place\": {\"x\": [1]}}");
  check("<tool_call>mcp.a/b:c-d</tool_call>", "CALL(mcp.a/b:c-d){}");
}

std::string glm_call(std::string_view key, std::string_view value) {
  return fmt::format("<tool_call>weather<arg_key>{}</arg_key><arg_value>{}</arg_value></tool_call>", key, value);
}

TEST(GlmToolCall, ReadsValuesByTheirSchema) {
  check(glm_call("city", "12"), "CALL(weather){\"city\": \"12\"}");
  check(glm_call("city", " \"a\"\\\n\t\r\x01"), "CALL(weather){\"city\": \" \\\"a\\\"\\\\\\n\\t\\r\\u0001\"}");
  check(glm_call("city", ""), "CALL(weather){\"city\": \"\"}");
  check(glm_call("city", "</tool_call><arg_key></arg_val"),
        "CALL(weather){\"city\": \"</tool_call><arg_key></arg_val\"}");
  check(glm_call("days", " 12 "), "CALL(weather){\"days\": 12}");
  check(glm_call("days", "1.50"), "CALL(weather){\"days\": 1.50}");
  check(glm_call("days", "two"), "CALL(weather){\"days\": \"two\"}");
  check(glm_call("note", "null"), "CALL(weather){\"note\": null}");
  check(glm_call("note", "12"), "CALL(weather){\"note\": \"12\"}");
  check(glm_call("unknown", "true"), "CALL(weather){\"unknown\": true}");
  check(glm_call("unknown", "yes "), "CALL(weather){\"unknown\": \"yes \"}");
  check(glm_call(" \"k\" ", "[1,"), "CALL(weather){\"\\\"k\\\"\": \"[1,\"}");
  check(glm_call("", "1"), "CALL(weather){\"\": 1}");
}

TEST(GlmToolCall, WritesKeysThatOccurTwiceTwice) {
  check(
      "<tool_call>f<arg_key>k</arg_key><arg_value>1</arg_value><arg_key>k</arg_key><arg_value>2</arg_value></"
      "tool_call>",
      "CALL(f){\"k\": 1, \"k\": 2}");
}

TEST(GlmToolCall, ReadsAroundMarkersLeftOut) {
  check("<tool_call>f\nk</arg_key><arg_value>1</arg_value>\nl</arg_key><arg_value>2</arg_value></tool_call>",
        "CALL(f){\"k\": 1, \"l\": 2}");
  check("<tool_call>f<arg_key>k<arg_value>1</arg_value></tool_call>", "CALL(f){\"k\": 1}");
  check("<tool_call>f<arg_key>k</arg_key><arg_value>1</arg_value><tool_call>now</tool_call>",
        "CALL(f){\"k\": 1} CALL(now){}");
}

TEST(GlmToolCall, GivesTextThatFitsNowhereBehindTheCall) {
  check("<tool_call>f<arg_key>k</tool_call>", "CALL(f){} C(<arg_key>k)");
  check("<tool_call>f<arg_key>k</arg_key> </tool_call>", "CALL(f){} C(<arg_key>k</arg_key> )");
  check("<tool_call>f<arg_key>j</arg_key><arg_key>k</arg_key><arg_value>1</arg_value>, x</tool_call>y",
        "CALL(f){\"k\": 1} C(<arg_key>j</arg_key>, xy)");
  check("<tool_call>f<arg_key>k</arg_key>=<arg_value>1</arg_value></tool_call>",
        "CALL(f){} C(<arg_key>k</arg_key>=<arg_value>1</arg_value>)");
  check("<tool_call>f<arg_key>k</arg_key><arg_value>1</arg_value>a b</arg_key><arg_value>2</arg_value></tool_call>",
        "CALL(f){\"k\": 1} C(a b</arg_key><arg_value>2</arg_value>)");
  check("<tool_call>f<arg_key>k</arg_key><arg_value>1</arg_value>a b</arg_key><x</tool_call>",
        "CALL(f){\"k\": 1} C(a b</arg_key><x)");
}

TEST(GlmToolCall, ClosesWhatTheEndOfTheOutputCutsOff) {
  check("<tool_call>", "C(<tool_call>)");
  check("<tool_call> weath", "C(<tool_call> weath)");
  check("a <tool_call>weather<arg_k", "C(a <tool_call>weather<arg_k)");
  check("<tool_call>weather<arg_key>ci", "CALL(weather){} C(<arg_key>ci)");
  check("<tool_call>weather<arg_key>city</arg_", "CALL(weather){} C(<arg_key>city</arg_)");
  check("<tool_call>weather<arg_key>city</arg_key><arg_value>Os</arg_va", "CALL(weather){\"city\": \"Os</arg_va\"}");
  check("<tool_call>weather<arg_key>days</arg_key><arg_value>1", "CALL(weather){\"days\": 1}");
  check("<tool_call>weather<arg_key>place</arg_key><arg_value>{\"x\": ", "CALL(weather){\"place\": \"{\\\"x\\\": \"}");
  check("<tool_call>f<arg_key>k</arg_key><arg_value>1</arg_value>\n", "CALL(f){\"k\": 1}");
}

TEST(GlmToolCall, GivesBackBlocksThatAreNoCalls) {
  for (const std::string_view text :
       {"<tool_call></tool_call>", "<tool_call> name a=1</tool_call>", "<tool_call>a b c</arg_key>",
        "<tool_call>f k<arg_key>", "<tool_call>f</arg_key>", "<tool_call>f k</tool_call>", "<tool_call>f<arg_value>",
        "the <tool_call> marker", "<tool_call>(x)</tool_call>"}) {
    check(text, fmt::format("C({})", text));
  }
  check("<tool_call>a b<tool_call>now</tool_call>", "C(<tool_call>a b) CALL(now){}");
  check("<tool_call><tool_call>now</tool_call>", "C(<tool_call>) CALL(now){}");
}

TEST(GlmToolCall, LeavesBlocksOfJsonToJsonToolCall) {
  check("<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": 1}}</tool_call>a",
        "CALL(weather){\"city\": 1} C(a)");
}

TEST(GlmToolCall, StreamsStringsAndGivesOtherValuesWhole) {
  OutputStream stream(kGlm);
  EXPECT_EQ(stream.push("<tool_call>weather"), "");
  EXPECT_EQ(stream.push("<arg_key>"), "weather{");
  EXPECT_EQ(stream.push("city</arg_key>"), "");
  EXPECT_EQ(stream.push("<arg_value>O"), "\"city\": \"O");
  EXPECT_EQ(stream.push("s\"</arg"), "s\\\"");
  EXPECT_EQ(stream.push("lo</arg_value>"), "</arglo\"");
  EXPECT_EQ(stream.push("<arg_key>days</arg_key><arg_value>1"), ", \"days\": ");
  EXPECT_EQ(stream.push("2"), "");
  EXPECT_EQ(stream.push("</arg_value>"), "12");
  EXPECT_EQ(stream.parser.n_calls(), 0U);
  EXPECT_EQ(stream.push("</tool_call>"), "}END");
  EXPECT_EQ(stream.parser.n_calls(), 1U);
}

}  // namespace
}  // namespace marlin
