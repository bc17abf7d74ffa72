// SPDX-License-Identifier: Apache-2.0
// Catches what a call is expected to throw, so that a test can look at its code and message.
#pragma once

#include <gtest/gtest.h>

#include "metal_marlin/error.h"

namespace marlin::test {

/// The marlin::Error that `action` throws. When it throws none, the running test fails and an Error(kInternal) comes
/// back; other exceptions pass through.
template <typename Action>
Error error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {ErrorCode::kInternal, "nothing was thrown"};
}

}  // namespace marlin::test
