// SPDX-License-Identifier: Apache-2.0
// Experts on the interpreter. Checked: small cases of every routing and mix of formats. Full: all cases, unchecked.
#include "abi/moe.h"

#include <algorithm>
#include <numeric>

#include "tests/backends/metal/kernel_test.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/moe_cases.h"
#include "tests/support/random_tensor.h"

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

/// expert_sort_i32 alone, for tables that the cases above are too small for.
void check_sort(Device& device, std::size_t n_experts, std::size_t n_slots) {
  test::Random random(n_experts);
  std::vector<std::int32_t> ids(n_slots);
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>(random.below(n_experts));
  std::vector<std::int32_t> expected(n_slots);
  std::iota(expected.begin(), expected.end(), 0);
  const auto id = [&](std::int32_t slot) { return ids[static_cast<std::size_t>(slot)]; };
  std::stable_sort(expected.begin(), expected.end(), [&](std::int32_t a, std::int32_t b) { return id(a) < id(b); });

  const test::DeviceTensor<std::int32_t> input(device, std::span<const std::int32_t>(ids));
  const test::DeviceTensor<std::int32_t> offsets(device, n_experts + 1);
  const test::DeviceTensor<std::int32_t> active(device, n_experts + 1);
  const test::DeviceTensor<std::int32_t> sorted(device, n_slots);
  const test::DeviceTensor<std::int32_t> position(device, n_slots);
  test::run_on(device, [&](CommandBuffer& commands) {
    const abi::ExpertSortArguments arguments{static_cast<std::uint32_t>(n_slots),
                                             static_cast<std::uint32_t>(n_experts)};
    commands.dispatch("expert_sort_i32", arguments,
                      {reads(input.view()), writes(offsets.view()), writes(active.view()), writes(sorted.view()),
                       writes(position.view())});
  });
  EXPECT_EQ(sorted.values(), expected) << n_experts << " experts";
  const std::vector<std::int32_t> offset = offsets.values();
  const std::vector<std::int32_t> used = active.values();
  std::size_t n_active = 0;
  for (std::size_t expert = 0; expert < n_experts; ++expert) {
    const auto begin = offset[expert];
    const auto count = std::count(ids.begin(), ids.end(), static_cast<std::int32_t>(expert));
    ASSERT_EQ(offset[expert + 1] - begin, count) << "expert " << expert;
    if (count > 0) {
      EXPECT_EQ(used[++n_active], static_cast<std::int32_t>(expert));
    }
  }
  EXPECT_EQ(used[0], static_cast<std::int32_t>(n_active));
}

TEST_P(MetalMoe, SortsForAnyNumberOfExperts) {
  check_sort(device(), 1, 70);
  check_sort(device(), 300, 1000);
  check_sort(device(), 7169, 40);  // more than have counters
}

class FullMetalMoe : public test::KernelTest {};
INSTANTIATE_TEST_SUITE_P(Fast, FullMetalMoe,
                         ::testing::Values(test::KernelRun{"fast_512", {.checked = false, .max_total_threads = 512}}),
                         test::kernel_run_name);

TEST_P(FullMetalMoe, Cases) {
  for (const test::MoeCase& c : test::moe_cases()) test::check_moe(device(), c);
}

}  // namespace
}  // namespace marlin
