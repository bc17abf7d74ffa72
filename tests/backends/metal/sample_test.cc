// SPDX-License-Identifier: Apache-2.0
// The sample operation's conformance cases on the Metal kernel; sample/sample_kernel_test.cc has it step by step.
#include "tests/backends/metal/kernel_test.h"
#include "tests/ops/sample_cases.h"

namespace marlin {
namespace {

class MetalSampleOp : public test::KernelTest {};
// Thousands of steps with a barrier at every turn: few threads, since the other test has many.
INSTANTIATE_TEST_SUITE_P(Fast, MetalSampleOp,
                         testing::Values(test::KernelRun{"fast_32", {.checked = false, .max_total_threads = 32}}),
                         test::kernel_run_name);

TEST_P(MetalSampleOp, TokensOfTheHost) {
  for (const test::SampleCase& c : test::sample_cases()) test::check_sample(device(), c);
}

}  // namespace
}  // namespace marlin
