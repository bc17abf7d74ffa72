// SPDX-License-Identifier: Apache-2.0
// Where tests find files: in the repository, or in the larger collection that the environment variable MARLIN_FIXTURES
// points to. Without the variable such tests are skipped; with it, a missing file is a failure.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string_view>

namespace marlin::test {

/// The directory MARLIN_FIXTURES names, or nothing when it is unset or empty.
std::optional<std::filesystem::path> fixtures_root();

/// A file or directory below fixtures_root(). Throws Error(kNotFound) when it is not there (call after
/// MARLIN_SKIP_WITHOUT_FIXTURES).
std::filesystem::path fixture(std::string_view relative);

std::filesystem::path repository_root();

/// The bundled demo model's directory.
std::filesystem::path demo_model();

/// A file of tests/golden. Throws Error(kNotFound) when it is not there.
std::filesystem::path bundled_golden(std::string_view relative);

}  // namespace marlin::test

/// First statement of a test that needs fixture().
#define MARLIN_SKIP_WITHOUT_FIXTURES()                                                          \
  do {                                                                                          \
    if (!::marlin::test::fixtures_root().has_value()) {                                         \
      GTEST_SKIP() << "set MARLIN_FIXTURES to the directory of the large fixtures to run this"; \
    }                                                                                           \
  } while (false)
