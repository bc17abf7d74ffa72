// SPDX-License-Identifier: Apache-2.0
// attention.metal: the conformance cases of tests/ops.
#include "tests/backends/metal/kernel_test.h"
#include "tests/ops/attention_cases.h"

namespace marlin {
namespace {

class MetalAttention : public test::KernelTest {};
MARLIN_CHECKED_RUNS(MetalAttention);

class FullMetalAttention : public test::KernelTest {};
MARLIN_FAST_RUNS(FullMetalAttention);

TEST_P(FullMetalAttention, GroupedMatchesTheReference) {
  for (const test::GroupedAttentionCase& c : test::grouped_attention_cases()) test::check_attention(device(), c);
}

TEST_P(FullMetalAttention, LatentMatchesTheReference) {
  for (const test::LatentAttentionCase& c : test::latent_attention_cases()) test::check_attention(device(), c);
}

TEST_P(MetalAttention, GroupedIsClean) {
  for (const test::GroupedAttentionCase& c : test::grouped_attention_cases()) {
    if (c.n_rows * (c.start_position + c.n_rows) <= 400) test::check_attention(device(), c);
  }
}

TEST_P(MetalAttention, LatentIsClean) {
  for (const test::LatentAttentionCase& c : test::latent_attention_cases()) {
    if (c.n_rows * (c.start_position + c.n_rows) <= 400) test::check_attention(device(), c);
  }
}

}  // namespace
}  // namespace marlin
