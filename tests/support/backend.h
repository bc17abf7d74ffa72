// SPDX-License-Identifier: Apache-2.0
// The backend that tests of whole models run on, so that the same tests judge all.
#pragma once

#include <string>

namespace marlin::test {

/// MARLIN_TEST_BACKEND; "cpu" when it is unset or empty.
std::string test_backend();

}  // namespace marlin::test
