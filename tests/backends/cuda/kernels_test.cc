// SPDX-License-Identifier: Apache-2.0
// Kernels of the cuda backend by conformance cases that are small enough for every run of the tests, in three orders of
// threads and on GPUs of several sizes.
#include <gtest/gtest.h>

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>

#include "backends/registry.h"
#include "tests/ops/attention_cases.h"
#include "tests/ops/linear_cases.h"
#include "tests/ops/mask_logits_cases.h"
#include "tests/ops/moe_cases.h"
#include "tests/ops/router_cases.h"
#include "tests/ops/row_cases.h"
#include "tests/ops/sample_cases.h"
#include "tests/support/softcuda/softcuda.h"

namespace marlin {
namespace {

using test::Choice;
using test::ExpertMix;
using test::LinearCase;
using test::Scores;

constexpr auto kF32 = abi::MatrixFormat::kF32;
constexpr auto kF16 = abi::MatrixFormat::kF16;
constexpr auto kBf16 = abi::MatrixFormat::kBf16;
constexpr auto kInt8 = abi::MatrixFormat::kInt8;
constexpr auto kExl3 = abi::MatrixFormat::kExl3;

struct KernelRun {
  std::string name;
  softcuda::Options options;
  std::size_t sample_case;  // that is run; of hundreds of steps, each of a thousand threads
};

class CudaKernels : public ::testing::TestWithParam<KernelRun> {
 protected:
  CudaKernels() {
    softcuda::reset(GetParam().options);
    device_ = create_device("cuda", {});
  }
  ~CudaKernels() override {
    device_.reset();
    softcuda::reset();
  }

  [[nodiscard]] Device& device() const { return *device_; }

 private:
  std::unique_ptr<Device> device_;
};

std::string run_name(const ::testing::TestParamInfo<KernelRun>& run) { return run.param.name; }

const KernelRun kRuns[] = {
    {"forward_h200", {.schedule = softcuda::Schedule::kForward}, 8},
    {"reverse_rtx3060", {.schedule = softcuda::Schedule::kReverse, .multiprocessors = 28, .compute_capability = 86}, 0},
    {"random_two", {.schedule = softcuda::Schedule::kRandom, .seed = 7, .multiprocessors = 2}, 9},
};

INSTANTIATE_TEST_SUITE_P(Runs, CudaKernels, ::testing::ValuesIn(kRuns), run_name);

LinearCase with_gaps(const test::MatrixSpec& matrix, std::size_t turn) {
  return {matrix, turn % 3, turn % 2 * 5, turn % 4 == 1 ? ops::Output::kAccumulate : ops::Output::kReplace, {}};
}

TEST_P(CudaKernels, MultiplyEveryEncoding) {
  std::size_t turn = 0;
  for (int bits = 1; bits <= 8; ++bits) {
    for (const Codebook codebook : {Codebook::k3Inst, Codebook::kMcg, Codebook::kMul1}) {
      test::check_linear(device(), with_gaps({kExl3, 128, 100, bits, codebook, turn % 2 == 0, {}, turn % 4}, turn), 3);
      ++turn;
    }
  }
}

TEST_P(CudaKernels, MultiplyPlainFormatsAtEveryAlignment) {
  std::size_t turn = 0;
  for (const abi::MatrixFormat format : {kF32, kF16, kBf16}) {
    for (std::size_t misalignment = 0; misalignment < 4; ++misalignment) {
      const std::size_t n_in = 30 + turn % 4;
      test::check_linear(device(), with_gaps({format, n_in, 7, 0, Codebook::kMul1, true, {}, misalignment}, turn), 2);
      ++turn;
    }
  }
}

// More than one block, part of a block, part of a tile of rows.
TEST_P(CudaKernels, MultiplyRaggedTiles) {
  test::check_linear(device(), with_gaps({kExl3, 300, 130, 3, Codebook::kMul1, true, {}, 0}, 1), 70);
  test::check_linear(device(), with_gaps({kF16, 37, 131, 0, Codebook::kMul1, true, {}, 2}, 2), 35);
  test::check_linear(device(), with_gaps({kF32, 1, 1, 0, Codebook::kMul1, false, {}, 0}, 4), 3);
}

TEST_P(CudaKernels, MultiplyHostileValues) {
  for (const LinearCase& linear : test::hostile_linear_cases()) test::check_linear(device(), linear, 1);
}

TEST_P(CudaKernels, ExpertsByEveryRouting) {
  for (const Choice choice : {Choice::kRandom, Choice::kOne, Choice::kLast, Choice::kRepeated, Choice::kSkewed}) {
    test::check_moe(device(), {5, 2, 9, 7, 0, ExpertMix::kF32, choice, 20});
  }
}

TEST_P(CudaKernels, ExpertsOfEveryMixOfFormats) {
  test::check_moe(device(), {3, 2, 130, 40, 50, ExpertMix::kPlain, Choice::kSkewed, 3});
  test::check_moe(device(), {2, 1, 130, 100, 0, ExpertMix::kExl3, Choice::kRandom, 2});
  test::check_moe(device(), {3, 1, 100, 60, 130, ExpertMix::kExl3Mixed, Choice::kRandom, 20});
  test::check_moe(device(), {2, 2, 70, 130, 40, ExpertMix::kEverything, Choice::kRandom, 2});
  test::check_moe(device(), {0, 0, 128, 128, 128, ExpertMix::kExl3, Choice::kRandom, 1});
}

ops::GroupedAttentionShape grouped(std::int64_t n_heads, std::int64_t n_kv_heads, std::int64_t head_dim,
                                   abi::MatrixFormat cache) {
  return {n_heads, n_kv_heads, head_dim, 0.125, cache};
}

// One span and several; dimensions with tiles of their own, between two of them, and beyond all; every cache.
TEST_P(CudaKernels, GroupedAttention) {
  for (const test::GroupedAttentionCase& c : std::initializer_list<test::GroupedAttentionCase>{
           {grouped(2, 2, 64, kF16), 1, 65, Scores::kOrdinary},
           {grouped(8, 1, 128, kF16), 3, 300, Scores::kOrdinary},
           {grouped(4, 2, 7, kF16), 3, 62, Scores::kOrdinary},
           {grouped(3, 1, 80, kF32), 2, 130, Scores::kAscending},
           {grouped(2, 1, 128, kF16), 1, 3, Scores::kExtreme},
           {grouped(1, 1, 200, kF16), 1, 70, Scores::kDescending},
           {grouped(2, 1, 288, kF16), 2, 63, Scores::kExtreme},
           {grouped(4, 2, 64, kF16), 70, 10, Scores::kOrdinary},
           {grouped(2, 2, 64, kInt8), 1, 65, Scores::kOrdinary},
           {grouped(4, 2, 7, kInt8), 3, 62, Scores::kExtreme},
           {grouped(3, 1, 80, kInt8), 2, 130, Scores::kAscending},
       }) {
    test::check_attention(device(), c);
  }
}

TEST_P(CudaKernels, LatentAttention) {
  for (const test::LatentAttentionCase& c : std::initializer_list<test::LatentAttentionCase>{
           {{3, 32, 16, 8, 24, 0.2, kF16}, kF32, 1, 63, Scores::kOrdinary},
           {{5, 37, 11, 6, 19, 0.25, kF32}, kF16, 2, 64, Scores::kAscending},
           {{2, 37, 11, 7, 19, 0.25, kF16}, kBf16, 1, 130, Scores::kExtreme},
           {{2, 512, 192, 64, 256, 0.0625, kF16}, kBf16, 1, 140, Scores::kOrdinary},
           {{2, 40, 12, 66, 10, 0.2, kF32}, kF16, 1, 2, Scores::kDescending},
           {{3, 32, 16, 8, 24, 0.2, kInt8}, kF32, 1, 63, Scores::kOrdinary},
           {{2, 512, 32, 64, 16, 0.0625, kInt8}, kBf16, 1, 5, Scores::kExtreme},
       }) {
    test::check_attention(device(), c);
  }
}

TEST_P(CudaKernels, AttentionOfRowsThatShareBlocks) {
  test::check_shared_attention(device());
  test::check_spoiled_value(device());
}

TEST_P(CudaKernels, Router) { test::check_router(device()); }

TEST_P(CudaKernels, Rows) {
  test::check_copy(device());
  test::check_embed(device());
  test::check_rms_norm(device());
  test::check_rope(device());
  test::check_kv_append(device());
  test::check_int8_kv_append(device());
  test::check_int8_kv_append_of_hostile_groups(device());
}

TEST_P(CudaKernels, Sample) {
  test::check_sample_then_embed(device());
  for (const std::size_t n : {1U, 33U, 257U}) test::check_mask_logits(device(), n);
}

TEST_P(CudaKernels, SampleManySteps) { test::check_sample(device(), test::sample_cases().at(GetParam().sample_case)); }

}  // namespace
}  // namespace marlin
