// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fixtures.h"

#include <cstdlib>

#include "base/error.h"

namespace marlin::test {
namespace {

std::filesystem::path existing(std::filesystem::path path) {
  if (!std::filesystem::exists(path)) {
    fail(ErrorCode::kNotFound, "test fixture '{}' does not exist", path.string());
  }
  return path;
}

}  // namespace

std::optional<std::filesystem::path> fixtures_root() {
  const char* root = std::getenv("MARLIN_FIXTURES");
  if (root == nullptr || *root == '\0') return std::nullopt;
  return std::filesystem::path(root);
}

std::filesystem::path fixture(std::string_view relative) {
  const auto root = fixtures_root();
  if (!root.has_value())
    fail(ErrorCode::kNotFound, "MARLIN_FIXTURES is not set, so there is no fixture '{}'", relative);
  return existing(*root / relative);
}

std::filesystem::path repository_root() { return MARLIN_SOURCE_DIR; }

std::filesystem::path demo_model() { return existing(repository_root() / "models" / "demo"); }

std::filesystem::path bundled_golden(std::string_view relative) {
  return existing(repository_root() / "tests" / "golden" / relative);
}

}  // namespace marlin::test
