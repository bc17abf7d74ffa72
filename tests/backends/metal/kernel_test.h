// SPDX-License-Identifier: Apache-2.0
// The fixture of tests of Metal kernels: a direct device for every schedule and number of threads in a threadgroup.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/backends/metal/direct_device.h"

namespace marlin::test {

struct KernelRun {
  std::string name;
  msl::Options options;
};

/// Checked in three schedules, and with fewer threads, as a pipeline of many registers allows.
inline std::vector<KernelRun> checked_runs() {
  return {{"forward_1024", {.schedule = msl::Schedule::kForward}},
          {"reverse_512", {.schedule = msl::Schedule::kReverse, .max_total_threads = 512}},
          {"random_256", {.schedule = msl::Schedule::kRandom, .max_total_threads = 256}}};
}

/// Unchecked, for cases of many accesses.
inline std::vector<KernelRun> fast_runs() {
  return {{"fast_1024", {.checked = false}}, {"fast_256", {.checked = false, .max_total_threads = 256}}};
}

class KernelTest : public ::testing::TestWithParam<KernelRun> {
 protected:
  KernelTest() : device_(create_direct_device(GetParam().options)) {}

  [[nodiscard]] Device& device() const { return *device_; }

 private:
  std::unique_ptr<Device> device_;
};

inline std::string kernel_run_name(const ::testing::TestParamInfo<KernelRun>& info) { return info.param.name; }

}  // namespace marlin::test

/// Once per test file and way, for its suite derived from KernelTest.
#define MARLIN_CHECKED_RUNS(suite)                                                              \
  INSTANTIATE_TEST_SUITE_P(Checked, suite, ::testing::ValuesIn(::marlin::test::checked_runs()), \
                           ::marlin::test::kernel_run_name)
/// With one simdgroup in a threadgroup: what is shared between simdgroups must not be missed.
#define MARLIN_NARROW_RUN(suite)                                                                             \
  INSTANTIATE_TEST_SUITE_P(Narrow, suite,                                                                    \
                           ::testing::Values(::marlin::test::KernelRun{                                      \
                               "random_32", {.schedule = msl::Schedule::kRandom, .max_total_threads = 32}}), \
                           ::marlin::test::kernel_run_name)
#define MARLIN_FAST_RUNS(suite)                                                           \
  INSTANTIATE_TEST_SUITE_P(Fast, suite, ::testing::ValuesIn(::marlin::test::fast_runs()), \
                           ::marlin::test::kernel_run_name)
