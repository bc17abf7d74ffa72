// SPDX-License-Identifier: Apache-2.0
#include "text/json_argument.h"

#include <gtest/gtest.h>

namespace marlin {
namespace {

TEST(JsonArgument, WithTypesUnknownJsonIsTakenAsWritten) {
  EXPECT_EQ(json_argument(" [1, 1e5]\n", kJsonUnknown), "[1, 1e5]");
  EXPECT_EQ(json_argument("12345678901234567890123", kJsonUnknown), "12345678901234567890123");
  EXPECT_EQ(json_argument("\"a\"", kJsonUnknown), "\"a\"");
  EXPECT_EQ(json_argument("Oslo", kJsonUnknown), "\"Oslo\"");
  EXPECT_EQ(json_argument("", kJsonUnknown), "\"\"");
}

TEST(JsonArgument, ATypeThatIsNotAllowedIsPassedOnWhereNoStringIs) {
  EXPECT_EQ(json_argument("1.5", kJsonInteger), "1.5");
  EXPECT_EQ(json_argument("True", kJsonBoolean), "\"True\"");
}

TEST(JsonArgument, WhereStringsAreAllowedOnlyAllowedTypesAreNotStrings) {
  EXPECT_EQ(json_argument("1", kJsonString | kJsonInteger), "1");
  EXPECT_EQ(json_argument("1.5", kJsonString | kJsonInteger), "\"1.5\"");
  EXPECT_EQ(json_argument("null", kJsonString | kJsonInteger), "\"null\"");
  EXPECT_EQ(json_argument("\"a\"", kJsonString | kJsonNull), "\"\\\"a\\\"\"");
}

TEST(JsonArgument, TooDeepJsonIsAString) {
  const std::string deepest = std::string(64, '[') + std::string(64, ']');
  EXPECT_EQ(json_argument(deepest, kJsonUnknown), deepest);
  EXPECT_EQ(json_argument("[" + deepest + "]", kJsonUnknown), "\"[" + deepest + "]\"");
}

TEST(JsonArgument, StringsAreEscaped) {
  EXPECT_EQ(json_quoted(std::string_view("a\"\\\n\r\t\x1F\0/\x7F é", 13)),
            "\"a\\\"\\\\\\n\\r\\t\\u001f\\u0000/\x7F é\"");
}

}  // namespace
}  // namespace marlin
