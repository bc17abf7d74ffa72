// SPDX-License-Identifier: Apache-2.0
// Experts on the interpreter. Checked: small cases of every routing and mix of formats. Full: all cases, unchecked.
#include "tests/backends/metal/kernel_test.h"
#include "tests/ops/moe_cases.h"

namespace marlin {
namespace {

using test::Choice;
using test::ExpertMix;

class MetalMoe : public test::KernelTest {};
MARLIN_CHECKED_RUNS(MetalMoe);

TEST_P(MetalMoe, EveryRouting) {
  for (const Choice choice : {Choice::kRandom, Choice::kOne, Choice::kLast, Choice::kRepeated, Choice::kSkewed}) {
    test::check_moe(device(), {5, 2, 9, 7, 0, ExpertMix::kF32, choice, 20});
  }
}

TEST_P(MetalMoe, EveryMixOfFormats) {
  test::check_moe(device(), {3, 2, 130, 40, 50, ExpertMix::kPlain, Choice::kSkewed, 3});
  test::check_moe(device(), {2, 1, 130, 100, 0, ExpertMix::kExl3, Choice::kRandom, 2});
  test::check_moe(device(), {3, 1, 100, 60, 130, ExpertMix::kExl3Mixed, Choice::kRandom, 3});
  test::check_moe(device(), {2, 2, 70, 130, 40, ExpertMix::kEverything, Choice::kRandom, 2});
}

TEST_P(MetalMoe, DenseIsOneSharedExpert) {
  test::check_moe(device(), {0, 0, 60, 30, 30, ExpertMix::kF32, Choice::kRandom, 35});
  test::check_moe(device(), {0, 0, 128, 128, 128, ExpertMix::kExl3, Choice::kRandom, 1});
}

class FullMetalMoe : public test::KernelTest {};
MARLIN_FAST_RUNS(FullMetalMoe);

TEST_P(FullMetalMoe, Cases) {
  for (const test::MoeCase& c : test::moe_cases()) test::check_moe(device(), c);
}

}  // namespace
}  // namespace marlin
