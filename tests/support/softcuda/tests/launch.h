// SPDX-License-Identifier: Apache-2.0
// Launches of the tests' own kernels.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <string>

#include "tests/support/softcuda/run_kernel.h"
#include "tests/support/softcuda/softcuda.h"

namespace softcuda {

using marlin::cuda::KernelCall;

inline KernelCall call_with(std::initializer_list<const void*> bindings) {
  KernelCall call{};
  std::transform(bindings.begin(), bindings.end(), call.bindings_, [](const void* b) { return const_cast<void*>(b); });
  return call;
}

inline void launch(void (*kernel)(KernelCall), marlin::cuda::Grid grid, std::uint32_t n_threads,
                   std::initializer_list<const void*> bindings, std::uint32_t shared_bytes = 0) {
  run_kernel({kernel, grid, n_threads, shared_bytes}, call_with(bindings));
}

/// Every test in every order of threads and blocks.
class EverySchedule : public testing::TestWithParam<Schedule> {
 protected:
  EverySchedule() { reset({.schedule = GetParam()}); }
  ~EverySchedule() override { reset(); }
};

inline std::string name_of_schedule(const testing::TestParamInfo<Schedule>& info) {
  const char* const names[] = {"forward", "reverse", "random"};
  return names[static_cast<int>(info.param)];
}

#define SOFTCUDA_EVERY_SCHEDULE(fixture)                                                               \
  INSTANTIATE_TEST_SUITE_P(Schedules, fixture,                                                         \
                           testing::Values(Schedule::kForward, Schedule::kReverse, Schedule::kRandom), \
                           name_of_schedule)

}  // namespace softcuda
