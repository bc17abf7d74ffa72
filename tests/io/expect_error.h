// SPDX-License-Identifier: Apache-2.0
// What every test of hostile input asserts: a marlin::Error with the right code whose message names the culprit.
#pragma once

#include <gtest/gtest.h>

#include <string_view>
#include <utility>

#include "base/error.h"

namespace marlin::test {

/// Runs `action`, which must throw Error(code) with `culprit` in its message.
template <typename Action>
void expect_error(ErrorCode code, std::string_view culprit, Action&& action) {
  try {
    std::forward<Action>(action)();
    ADD_FAILURE() << "no error; expected one naming '" << culprit << "'";
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(culprit), std::string_view::npos)
        << "'" << culprit << "' is not in: " << error.what();
  }
}

}  // namespace marlin::test
