// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/error_of.h"

namespace marlin {
namespace {

TEST(Error, FailFormatsItsMessage) {
  const Error error = test::error_of([] { fail(ErrorCode::kBadFile, "tensor '{}' has {} of {}", "a.b", 3, 7); });
  EXPECT_EQ(error.code(), ErrorCode::kBadFile);
  EXPECT_STREQ(error.what(), "tensor 'a.b' has 3 of 7");
}

// Messages quote names from files: braces in them are not a format.
TEST(Error, BracesInArgumentsStay) {
  EXPECT_STREQ(test::error_of([] { fail(ErrorCode::kNotFound, "{}", "{0} {} {"); }).what(), "{0} {} {");
}

TEST(Error, IsAStandardException) {
  try {
    fail(ErrorCode::kContextOverflow, "too long");
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "too long");
    return;
  }
  FAIL();
}

TEST(Check, PassesAndEvaluatesOnce) {
  int evaluated = 0;
  EXPECT_NO_THROW(MARLIN_CHECK(++evaluated == 1));
  EXPECT_EQ(evaluated, 1);
}

TEST(Check, NamesConditionAndPlace) {
  const int line = __LINE__ + 1;
  const Error error = test::error_of([] { MARLIN_CHECK(1 + 1 == 3); });
  EXPECT_EQ(error.code(), ErrorCode::kInternal);
  const std::string message = error.what();
  for (const std::string& part : {std::string("1 + 1 == 3"), std::string("error_test.cc"), std::to_string(line)}) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace marlin
