// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/moe_cases.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>
#include <span>

#include "ops/kernel_variant.h"
#include "ops/moe.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/error_bound.h"
#include "tests/ops/test_matrix.h"
#include "tests/support/near_norm.h"

namespace marlin::test {
namespace {

using reference::Tensor;

constexpr std::array kMixNames = {"f32", "plain", "exl3", "exl3 mixed", "everything"};
constexpr std::array kChoiceNames = {"random", "one", "last", "repeated", "skewed"};

/// Format of projection 0 = gate, 1 = up, 2 = down of an expert.
MatrixSpec matrix_spec(const MoeCase& c, std::size_t expert, std::size_t projection) {
  const std::size_t inner = expert == c.n_experts ? c.shared_inner : c.inner;
  MatrixSpec spec;
  spec.n_in = projection == 2 ? inner : c.hidden;
  spec.n_out = projection == 2 ? c.hidden : inner;
  const std::size_t turn = expert * 3 + projection;
  const bool varied = c.mix == ExpertMix::kExl3Mixed || c.mix == ExpertMix::kEverything;
  const bool is_exl3 =
      c.mix == ExpertMix::kExl3 || c.mix == ExpertMix::kExl3Mixed || (c.mix == ExpertMix::kEverything && turn % 2 == 0);
  if (is_exl3) {
    spec.format = abi::MatrixFormat::kExl3;
    spec.bits = varied ? static_cast<int>(1 + turn % 8) : 4;
    spec.codebook = varied ? static_cast<Codebook>(turn % 3) : Codebook::kMul1;
  } else if (c.mix != ExpertMix::kF32) {
    spec.format = static_cast<abi::MatrixFormat>(turn % 3);
  }
  spec.bias = varied && turn % 4 < 2;
  return spec;
}

struct TestExpert {
  TestMatrix gate;
  TestMatrix up;
  TestMatrix down;
};

using Experts = std::vector<std::unique_ptr<TestExpert>>;

Experts make_experts(Device& device, const MoeCase& c) {
  Experts experts;
  for (std::size_t i = 0; i < c.n_experts + (c.shared_inner > 0 ? 1 : 0); ++i) {
    experts.push_back(std::make_unique<TestExpert>(TestExpert{{device, matrix_spec(c, i, 0), 1000 + 3 * i},
                                                              {device, matrix_spec(c, i, 1), 1001 + 3 * i},
                                                              {device, matrix_spec(c, i, 2), 1002 + 3 * i}}));
  }
  return experts;
}

struct Slots {
  std::vector<std::int32_t> ids;  // [n_rows, slots_per_row]
  std::vector<float> weights;
};

std::int32_t chosen_expert(const MoeCase& c, std::size_t row, std::size_t k, std::size_t offset, Random& random) {
  const std::size_t n = c.n_experts;
  switch (c.choice) {
    case Choice::kRandom:
      return static_cast<std::int32_t>((offset + k * (n / c.top_k)) % n);
    case Choice::kOne:
      return static_cast<std::int32_t>(n / 2);
    case Choice::kLast:
      return static_cast<std::int32_t>(n - 1 - k % n);
    case Choice::kRepeated:
      return static_cast<std::int32_t>(row * 7 % n);
    case Choice::kSkewed:
      break;
  }
  return static_cast<std::int32_t>(random.below(2) == 0 ? n / 3 : random.below(n));
}

Slots make_slots(const MoeCase& c) {
  Random random(17);
  Slots slots;
  for (std::size_t row = 0; row < c.n_rows; ++row) {
    const std::size_t offset = c.n_experts > 0 ? random.below(c.n_experts) : 0;
    for (std::size_t k = 0; k < c.top_k; ++k) {
      slots.ids.push_back(chosen_expert(c, row, k, offset, random));
      slots.weights.push_back(static_cast<float>(random.uniform(0.0, 1.0)));
    }
    if (c.shared_inner > 0) {
      slots.ids.push_back(static_cast<std::int32_t>(c.n_experts));
      slots.weights.push_back(1.0F);
    }
  }
  return slots;
}

/// One expert's output for one row, and its bound.
struct Evaluated {
  Tensor y;
  Tensor bound;
};

Tensor squares(Tensor values) {
  for (double& v : values) v *= v;
  return values;
}

/// |silu'| is below 1.1; exp, sum, quotient and product err by a few roundings each; far below zero a kernel may stop
/// at exp(87). Errors of the inner values have random signs and add up in `down` like the root of their squares.
Evaluated evaluate(const TestExpert& expert, const Tensor& x) {
  const Tensor gate = expert.gate.product(x);
  const Tensor up = expert.up.product(x);
  const Tensor gate_bound = expert.gate.error_bound(x);
  const Tensor up_bound = expert.up.error_bound(x);
  const Tensor activated = reference::silu(gate);
  const Tensor inner = reference::swiglu(gate, up);
  Tensor inner_bound(inner.size());
  for (std::size_t i = 0; i < inner.size(); ++i) {
    inner_bound[i] = 1.1 * gate_bound[i] * std::fabs(up[i]) + std::fabs(activated[i]) * up_bound[i] +
                     8 * kUnit * std::fabs(inner[i]) + std::exp(-86.0) * std::fabs(gate[i] * up[i]);
  }
  const std::size_t hidden = expert.down.matrix().n_out;
  Evaluated result{expert.down.product(inner), expert.down.error_bound(inner)};
  const Tensor carried = reference::matmul(squares(inner_bound), squares(expert.down.weight()), inner.size(), hidden);
  for (std::size_t j = 0; j < hidden; ++j) result.bound[j] += std::sqrt(carried[j]);
  return result;
}

Evaluated evaluate(const Experts& experts, const Slots& slots, std::span<const float> h, std::span<const float> x0,
                   std::size_t n_rows) {
  const std::size_t hidden = h.size() / n_rows;
  const std::size_t slots_per_row = slots.ids.size() / n_rows;
  Evaluated all{to_doubles(x0), Tensor(x0.size())};
  for (std::size_t slot = 0; slot < slots.ids.size(); ++slot) {
    const std::size_t row = slot / slots_per_row;
    const auto& expert = *experts[static_cast<std::size_t>(slots.ids[slot])];
    const Evaluated one = evaluate(expert, to_doubles(h.subspan(row * hidden, hidden)));
    const auto weight = static_cast<double>(slots.weights[slot]);
    for (std::size_t j = 0; j < hidden; ++j) {
      double& y = all.y[row * hidden + j];
      const double before = std::fabs(y);
      y += weight * one.y[j];
      all.bound[row * hidden + j] +=
          weight * one.bound[j] + 2 * kUnit * (before + std::fabs(y) + std::fabs(weight * one.y[j]));
    }
  }
  return all;
}

ops::MoeShape moe_shape(const MoeCase& c, std::span<const abi::Expert> experts) {
  ops::MoeShape shape{.slots_per_row = static_cast<std::int64_t>(c.top_k + (c.shared_inner > 0 ? 1 : 0)),
                      .hidden = static_cast<std::int64_t>(c.hidden)};
  ops::set_table(shape, experts);
  return shape;
}

/// What expert_sort_i32 promises, from what it wrote.
void check_sorted(std::span<const std::int32_t> ids, std::size_t n_experts, std::span<const std::int32_t> offsets,
                  std::span<const std::int32_t> active, std::span<const std::int32_t> sorted_slots,
                  std::span<const std::int32_t> slot_position) {
  std::vector<std::int32_t> expected(ids.size());
  std::iota(expected.begin(), expected.end(), 0);
  const auto id = [&](std::int32_t slot) { return ids[static_cast<std::size_t>(slot)]; };
  std::stable_sort(expected.begin(), expected.end(), [&](std::int32_t a, std::int32_t b) { return id(a) < id(b); });
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), sorted_slots.begin(), sorted_slots.end()));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(slot_position[static_cast<std::size_t>(expected[i])], static_cast<std::int32_t>(i));
  }
  std::vector<std::int32_t> used;
  std::int32_t before = 0;
  for (std::size_t expert = 0; expert < n_experts; ++expert) {
    EXPECT_EQ(offsets[expert], before) << "offset of expert " << expert;
    const auto count = std::count(ids.begin(), ids.end(), static_cast<std::int32_t>(expert));
    before += static_cast<std::int32_t>(count);
    if (count > 0) used.push_back(static_cast<std::int32_t>(expert));
  }
  EXPECT_EQ(offsets[n_experts], before);
  ASSERT_EQ(active[0], static_cast<std::int32_t>(used.size()));
  EXPECT_TRUE(std::equal(used.begin(), used.end(), active.begin() + 1));
}

/// How the experts are launched.
struct Launch {
  abi::KernelVariant variant;
  bool one_by_one = false;  ///< else all in one launch per phase
};

/// Rows [first, first + n_rows) of a case.
std::vector<float> run(Device& device, const ops::MoeShape& shape, const DeviceTensor<abi::Expert>& table,
                       const Slots& slots, std::span<const float> h, std::span<const float> x0, const Launch& launch) {
  const auto n_rows = h.size() / static_cast<std::size_t>(shape.hidden);
  const std::size_t n_slots = slots.ids.size();
  const auto n_experts = static_cast<std::size_t>(shape.n_experts);
  const DeviceTensor<float> input(device, h);
  DeviceTensor<float> x(device, x0.size());
  x.set(x0);
  const DeviceTensor<std::int32_t> ids(device, std::span<const std::int32_t>(slots.ids));
  const DeviceTensor<float> weights(device, std::span<const float>(slots.weights));
  const DeviceTensor<std::int32_t> offsets(device, n_experts + 1);
  const DeviceTensor<std::int32_t> active(device, n_experts + 1);
  const DeviceTensor<std::int32_t> sorted_slots(device, n_slots);
  const DeviceTensor<std::int32_t> slot_position(device, n_slots);
  const auto rows = static_cast<std::int64_t>(n_rows);
  const DeviceTensor<float> scratch(device, static_cast<std::size_t>(ops::moe_scratch_floats(shape, rows)));
  const ops::RoutingBuffers routing{ids.view(),    weights.view(),      offsets.view(),
                                    active.view(), sorted_slots.view(), slot_position.view()};
  run_on(device, [&](CommandBuffer& commands) {
    const ops::MoeTrellisSwiglu moe(shape, table.view(), input.view(), routing, x.view(), rows, scratch.view(),
                                    launch.variant);
    moe.gather(commands);
    for (std::int64_t i = 0; launch.one_by_one && i < shape.n_experts; ++i) moe.run_experts(commands, i, 1);
    if (!launch.one_by_one) moe.run_experts(commands, 0, shape.n_experts);
    moe.combine(commands);
  });
  check_sorted(slots.ids, n_experts, offsets.values(), active.values(), sorted_slots.values(), slot_position.values());
  return x.values();
}

}  // namespace

std::string describe(const MoeCase& c) {
  return fmt::format("{} of {} experts, {} x {}, shared {}, {}, {} routing, {} rows, scale {}", c.top_k, c.n_experts,
                     c.hidden, c.inner, c.shared_inner, kMixNames[static_cast<std::size_t>(c.mix)],
                     kChoiceNames[static_cast<std::size_t>(c.choice)], c.n_rows, c.scale);
}

std::vector<MoeCase> moe_cases() {
  std::vector<MoeCase> cases;
  for (const ExpertMix mix :
       {ExpertMix::kF32, ExpertMix::kPlain, ExpertMix::kExl3, ExpertMix::kExl3Mixed, ExpertMix::kEverything}) {
    cases.push_back({4, 1, 96, 80, 0, mix, Choice::kRandom, 5});
    cases.push_back({6, 4, 130, 100, 200, mix, Choice::kSkewed, 21});  // a wider shared expert, ragged
    cases.push_back({5, 2, 128, 256, 64, mix, Choice::kRandom, 1});    // a narrower one
    cases.push_back({0, 0, 100, 300, 300, mix, Choice::kRandom, 7});   // dense
  }
  for (const Choice choice : {Choice::kRandom, Choice::kOne, Choice::kLast, Choice::kRepeated, Choice::kSkewed}) {
    cases.push_back({8, 8, 64, 48, 0, ExpertMix::kPlain, choice, 9});
    cases.push_back({8, 4, 128, 128, 128, ExpertMix::kExl3Mixed, choice, 33});  // up to 132 slots on one expert
  }
  for (const std::size_t top_k : {1, 4, 8}) {
    for (std::size_t n_rows = 1; n_rows <= 64; ++n_rows) {
      cases.push_back({12, top_k, 20, 12, 0, ExpertMix::kF32, Choice::kSkewed, n_rows});
    }
    for (const std::size_t n_rows : {100, 512}) {
      cases.push_back({16, top_k, 40, 24, 0, ExpertMix::kF32, Choice::kSkewed, n_rows});
    }
  }
  cases.push_back({64, 8, 70, 40, 0, ExpertMix::kEverything, Choice::kRandom, 65});
  cases.push_back({64, 4, 33, 17, 9, ExpertMix::kPlain, Choice::kOne, 130});
  cases.push_back({0, 0, 128, 128, 128, ExpertMix::kExl3, Choice::kRandom, 130});
  for (const double scale : {1e3, 1e-20}) {  // silu far out on both sides, and at zero
    cases.push_back({4, 2, 64, 64, 0, ExpertMix::kF32, Choice::kRandom, 4, scale});
    cases.push_back({4, 2, 128, 128, 0, ExpertMix::kExl3, Choice::kRandom, 4, scale});
  }
  return cases;
}

void check_moe(Device& device, const MoeCase& c) {
  SCOPED_TRACE(describe(c));
  const Experts experts = make_experts(device, c);
  std::vector<abi::Expert> matrices;
  for (const auto& expert : experts) {
    matrices.push_back({expert->gate.matrix(), expert->up.matrix(), expert->down.matrix()});
  }
  const DeviceTensor<abi::Expert> table(device, std::span<const abi::Expert>(matrices));
  const ops::MoeShape shape = moe_shape(c, matrices);
  const Slots slots = make_slots(c);
  const std::vector<float> h = normal_tensor(c.n_rows * c.hidden, 41, c.scale);
  const std::vector<float> x0 = normal_tensor(c.n_rows * c.hidden, 42, c.scale);
  const auto call_launch = [&](std::size_t first, std::size_t n_rows, const Launch& launch) {
    const std::size_t per_row = slots.ids.size() / c.n_rows;
    const auto begin = static_cast<std::ptrdiff_t>(first * per_row);
    const auto end = static_cast<std::ptrdiff_t>((first + n_rows) * per_row);
    const Slots part{{slots.ids.begin() + begin, slots.ids.begin() + end},
                     {slots.weights.begin() + begin, slots.weights.begin() + end}};
    return run(device, shape, table, part, std::span(h).subspan(first * c.hidden, n_rows * c.hidden),
               std::span(x0).subspan(first * c.hidden, n_rows * c.hidden), launch);
  };
  const Evaluated expected = evaluate(experts, slots, h, x0, c.n_rows);
  std::array<std::vector<float>, abi::kAllVariants.size()> all;  // rows by variant
  const auto all_of = [&](abi::KernelVariant variant) -> std::vector<float>& {
    return all.at(static_cast<std::size_t>(variant));
  };
  for (const abi::KernelVariant variant : abi::kAllVariants) {
    const std::string name(abi::variant_name(variant));
    all_of(variant) = call_launch(0, c.n_rows, {variant});
    if (!expect_within(all_of(variant), expected.y, expected.bound, name)) return;
    if (device.info().variants_agree) expect_same_bits(all_of(variant), all.front(), name);
    expect_same_bits(call_launch(0, c.n_rows, {variant, true}), all_of(variant), name + ", expert by expert");
  }
  for (const std::size_t n_rows : {std::size_t{1}, (c.n_rows + 1) / 2}) {
    const abi::KernelVariant variant = ops::variant_for_batch(static_cast<std::int64_t>(n_rows));
    for (const std::size_t first : {std::size_t{0}, c.n_rows - n_rows}) {
      const auto same = std::span(all_of(variant)).subspan(first * c.hidden, n_rows * c.hidden);
      expect_same_bits(call_launch(first, n_rows, {variant}), same,
                       fmt::format("rows {} to {} alone", first, first + n_rows));
    }
  }
}

}  // namespace marlin::test
