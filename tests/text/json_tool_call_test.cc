// SPDX-License-Identifier: Apache-2.0
// Calls as JSON, seen through OutputParser.
#include "text/json_tool_call.h"

#include <gtest/gtest.h>

#include "tests/text/output_cases.h"

namespace marlin {
namespace {

using test::kQwen;
using test::OutputStream;

void check(std::string_view text, std::string_view expected) { test::check_output({kQwen}, text, expected); }

TEST(JsonToolCall, ReadsCalls) {
  check(
      "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"</tool_call>\", \"n\": [1.50, "
      "{}]}}\n</tool_call>",
      "CALL(weather){\"city\": \"</tool_call>\", \"n\": [1.50, {}]}");
  check(
      "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"name\": \"f\"}\n</tool_call>",
      "CALL(now){} CALL(f){}");
  check("<tool_call>{\"arguments\":{\"arguments\":{}},\"id\":{\"name\":1},\"name\":\"n\\u00e9\"}</tool_call>",
        "CALL(né){\"arguments\":{}}");
}

TEST(JsonToolCall, CutsArgumentsOutAsWritten) {
  check(R"(<tool_call>{"name":"f","arguments": {"s": "a\"}", "t":[{}, "]\\"]} , "x":[1]}</tool_call>)",
        R"(CALL(f){"s": "a\"}", "t":[{}, "]\\"]})");
}

TEST(JsonToolCall, ReadsArgumentsInOtherShapes) {
  check("<tool_call>{\"name\":\"f\",\"parameters\":{\"a\": 1}}</tool_call>", "CALL(f){\"a\": 1}");
  check("<tool_call>{\"name\":\"f\",\"arguments\":\" {\\\"a\\\": 1}\"}</tool_call>", "CALL(f){\"a\": 1}");
  check("<tool_call>{\"name\":\"f\",\"arguments\":null}</tool_call>", "CALL(f){}");
  check("<tool_call>{\"name\":\"f\",\"arguments\":{\"a\":1},\"arguments\":{\"b\":2}}</tool_call>", "CALL(f){\"b\":2}");
}

TEST(JsonToolCall, NeedsNoClosingMarker) {
  check("<tool_call>{\"name\": \"now\"}", "CALL(now){}");
  check("<tool_call>{\"name\": \"now\"}\n<tool_call>{\"name\": \"f\"}</tool_call>b</tool_call>",
        "CALL(now){} CALL(f){} C(b</tool_call>)");
  check("<tool_call>{\"name\": \"now\"}<tool_call>x</tool_call>", "CALL(now){} C(<tool_call>x</tool_call>)");
  check("<tool_call>{\"name\": \"now\"}}\n</tool_call>b", "CALL(now){} C(}\nb)");
}

TEST(JsonToolCall, GivesBackBlocksThatAreNoCalls) {
  for (const std::string_view text :
       {"<tool_call>now</tool_call>", "<tool_call>\n{'name': 'f'}\n</tool_call>\nx", "<tool_call>{}</tool_call>",
        "<tool_call>{\"name\": \"\"}", "<tool_call>{\"name\": 1}", "<tool_call>{\"name\": \"f\", \"city\": 1}",
        "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"arguments\": \"x\"}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"argum\\u0065nts\": {}}</tool_call>",
        "<tool_call>{\"arguments\": 5, \"argum\\u0065nts\": {}, \"name\": \"f\"}</tool_call>",
        "<tool_call>[{\"name\": \"f\"}]</tool_call>", "<tool_call> \n{\"name\": \"f\", \"argu"}) {
    check(text, fmt::format("C({})", text));
  }
  check("<tool_call>{\"name\": \"\n<tool_call>{\"name\": \"f\"}</tool_call>", "C(<tool_call>{\"name\": \") CALL(f){}");
}

TEST(JsonToolCall, GivesACallWithItsLastBrace) {
  OutputStream stream(kQwen);
  EXPECT_EQ(stream.push("<tool_call>{\"name\": \"now\", \"arguments\": {}"), "");
  EXPECT_EQ(stream.push("}"), "now{}END");
}

}  // namespace
}  // namespace marlin
