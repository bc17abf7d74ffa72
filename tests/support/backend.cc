// SPDX-License-Identifier: Apache-2.0
#include "tests/support/backend.h"

#include <cstdlib>

namespace marlin::test {

std::string test_backend() {
  const char* const name = std::getenv("MARLIN_TEST_BACKEND");
  return name == nullptr || *name == 0 ? "cpu" : name;
}

}  // namespace marlin::test
