// SPDX-License-Identifier: Apache-2.0
// The fixture of every operation's conformance test: one instance per backend of this build. A kernel that a backend
// does not have yet is reported as a skipped test naming it, never passed over in silence.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "backends/registry.h"

namespace marlin::test {

class OpTest : public ::testing::TestWithParam<std::string> {
 protected:
  /// Two threads: work is shared, and machines of two cores are not oversubscribed.
  OpTest() : device_(create_device(GetParam(), {.n_threads = 2})) {}

  [[nodiscard]] Device& device() const { return *device_; }

  [[nodiscard]] std::string missing_kernel(std::initializer_list<std::string_view> kernels) const {
    for (const std::string_view kernel : kernels) {
      if (!device_->supports(kernel)) return std::string(kernel);
    }
    return {};
  }

 private:
  std::unique_ptr<Device> device_;
};

inline std::string backend_test_name(const ::testing::TestParamInfo<std::string>& info) { return info.param; }

}  // namespace marlin::test

/// First statement of a test: the kernels its operation is made of.
#define MARLIN_REQUIRE_KERNELS(...)                                                           \
  do {                                                                                        \
    if (const std::string missing = missing_kernel({__VA_ARGS__}); !missing.empty()) {        \
      GTEST_SKIP() << "backend '" << GetParam() << "' has no kernel '" << missing << "' yet"; \
    }                                                                                         \
  } while (false)

/// Once per test file, for its suite derived from OpTest.
#define MARLIN_ON_EVERY_BACKEND(suite)                                                      \
  INSTANTIATE_TEST_SUITE_P(Backends, suite, ::testing::ValuesIn(::marlin::usable_backends()), \
                           ::marlin::test::backend_test_name)
