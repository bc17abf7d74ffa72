// SPDX-License-Identifier: Apache-2.0
// The conformance cases of tests/ops once more on every instruction set this machine has, not only on its best: kernels
// are compiled for each and chosen at run time, so the others would otherwise run for the first time on a user's
// machine.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/simd.h"
#include "backends/registry.h"
#include "tests/ops/attention_cases.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/linear_cases.h"
#include "tests/ops/moe_cases.h"
#include "tests/ops/row_cases.h"
#include "tests/ops/sample_cases.h"

namespace marlin {
namespace {

/// Those the kernels are compiled for (src/backends/cpu/CMakeLists.txt) and this machine can run.
std::vector<std::int64_t> usable_targets() {
#ifdef MARLIN_ONE_SIMD_TARGET
  constexpr std::array<std::int64_t, 2> kCompiled = {HWY_AVX2, HWY_NEON};
#else
  constexpr std::array<std::int64_t, 4> kCompiled = {HWY_AVX3, HWY_AVX2, HWY_SSE4, HWY_NEON};
#endif
  std::vector<std::int64_t> targets;
  for (const std::int64_t target : kCompiled) {
    if ((hwy::SupportedTargets() & target) != 0) targets.push_back(target);
  }
  return targets;
}

std::string target_test_name(const ::testing::TestParamInfo<std::int64_t>& info) { return hwy::TargetName(info.param); }

class SimdTarget : public ::testing::TestWithParam<std::int64_t> {
 protected:
  SimdTarget() {
    hwy::SetSupportedTargetsForTest(GetParam());
    device_ = create_device("cpu", {.n_threads = 2});
  }
  ~SimdTarget() override {
    device_.reset();
    hwy::SetSupportedTargetsForTest(0);
  }
  [[nodiscard]] Device& device() const { return *device_; }

 private:
  std::unique_ptr<Device> device_;
};

INSTANTIATE_TEST_SUITE_P(Targets, SimdTarget, ::testing::ValuesIn(usable_targets()), target_test_name);

TEST_P(SimdTarget, IsTheOneInUse) { EXPECT_EQ(cpu::simd_target_name(), hwy::TargetName(GetParam())); }

TEST_P(SimdTarget, Linear) {
  for (const test::LinearCase& c : test::linear_cases()) test::check_linear(device(), c);
}

TEST_P(SimdTarget, LinearWithHostileValues) {
  for (const test::LinearCase& c : test::hostile_linear_cases()) test::check_linear(device(), c);
}

TEST_P(SimdTarget, GroupedAttention) {
  for (const test::GroupedAttentionCase& c : test::grouped_attention_cases()) test::check_attention(device(), c);
}

TEST_P(SimdTarget, LatentAttention) {
  for (const test::LatentAttentionCase& c : test::latent_attention_cases()) test::check_attention(device(), c);
}

TEST_P(SimdTarget, Moe) {
  for (const test::MoeCase& c : test::moe_cases()) test::check_moe(device(), c);
}

TEST_P(SimdTarget, RowOperations) {
  test::check_embed(device());
  test::check_rms_norm(device());
  test::check_kv_append(device());
  test::check_int8_kv_append(device());
  test::check_int8_kv_append_of_hostile_groups(device());
}

TEST_P(SimdTarget, Sample) {
  for (const test::SampleCase& c : test::sample_cases()) test::check_sample(device(), c);
}

}  // namespace
}  // namespace marlin
