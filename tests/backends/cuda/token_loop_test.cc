// SPDX-License-Identifier: Apache-2.0
// The token loop on the cuda backend: it launches, commits and waits for what the cpu backend does, allocates nothing,
// gives the same tokens however it runs, and survives what goes wrong with a GPU. CUDA is software here.
#include "tests/generation/token_loop.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "backends/registry.h"
#include "generation/sequence.h"
#include "tests/generation/synthetic_model.h"
#include "tests/support/allocation_count.h"
#include "tests/support/error_of.h"
#include "tests/support/softcuda/softcuda.h"

namespace marlin {
namespace {

using test::generate;
using test::prompt_of;

class CudaTokenLoop : public ::testing::Test {
 protected:
  CudaTokenLoop() { softcuda::reset(); }
  ~CudaTokenLoop() override { softcuda::reset(); }

  static std::unique_ptr<LoadedModel> load() {
    return test::load_synthetic("tiny-moe", create_device("cuda", {.check_hazards = false}));
  }
};

TEST_F(CudaTokenLoop, LaunchesCommitsAndWaitsForWhatTheCpuDoes) {
  const auto on_cuda = load();
  const auto on_cpu = test::load_synthetic("tiny-moe", create_device("cpu", {.n_threads = 1, .check_hazards = false}));
  RuntimeOptions options;
  options.commit.layers_per_commit = 2;
  Counters counters[2];
  for (const int i : {0, 1}) {
    LoadedModel& loaded = i == 0 ? *on_cuda : *on_cpu;
    Sequence sequence(loaded, 1, options, *loaded.instruments);
    const Counters before = loaded.instruments->counters();
    generate(sequence, prompt_of(5), 6);
    counters[i] = loaded.instruments->counters() - before;
  }
  EXPECT_EQ(counters[0].waits, 6U);
  EXPECT_EQ(counters[0].commits, counters[1].commits);
  EXPECT_EQ(counters[0].dispatches, counters[1].dispatches + 6) << "and copies the inputs of each pass";
  EXPECT_EQ(counters[0].waits, counters[1].waits);
}

TEST_F(CudaTokenLoop, AllocatesNothing) {
  const auto loaded = load();
  Sequence sequence(*loaded, 1, {}, *loaded->instruments);
  generate(sequence, prompt_of(9), 4);  // warm-up
  for (const SamplingOptions& sampling :
       {SamplingOptions{.temperature = 0.0}, SamplingOptions{.top_k = 40, .repetition_penalty = 1.1, .seed = 1}}) {
    sequence.begin_sampling(sampling, {});
    sequence.append_and_sample(prompt_of(1));
    for (int i = 0; i < 4; ++i) {
      sequence.step();
      sequence.next_token();
    }
    const long before = test::allocation_count();
    const std::uint64_t device_before = loaded->device->n_allocations();
    for (int i = 0; i < 8; ++i) {
      sequence.step();
      sequence.next_token();
    }
    EXPECT_EQ(test::allocation_count() - before, 0);
    EXPECT_EQ(loaded->device->n_allocations() - device_before, 0U);
  }
}

TEST_F(CudaTokenLoop, NothingAboutHowItRunsChangesAToken) {
  const auto loaded = load();
  Sequence plain(*loaded, 1, {}, *loaded->instruments);
  const std::vector<std::int32_t> expected = generate(plain, prompt_of(7), 3);
  const std::vector<float> logits(plain.logits().begin(), plain.logits().end());
  const auto expect_the_same = [&](const std::string& name, const auto& change) {
    RuntimeOptions options;
    change(options);
    Sequence varied(*loaded, 1, options, *loaded->instruments);
    EXPECT_EQ(generate(varied, prompt_of(7), 3), expected) << name;
    EXPECT_TRUE(std::equal(logits.begin(), logits.end(), varied.logits().begin())) << name;
  };
  for (const int layers : {1, 3}) {
    const int in_flight = layers == 1 ? 8 : 1;
    expect_the_same(fmt::format("{} layers per commit, {} in flight", layers, in_flight), [&](RuntimeOptions& options) {
      options.commit.layers_per_commit = layers;
      options.in_flight.max_in_flight = in_flight;
    });
  }
  expect_the_same("no pool", [](RuntimeOptions& options) { options.pooling = false; });
  expect_the_same("expert by expert",
                  [](RuntimeOptions& options) { options.expert_dispatch = ExpertDispatch::kSequential; });
  expect_the_same("shared expert apart, a commit per stage", [](RuntimeOptions& options) {
    options.expert_dispatch = ExpertDispatch::kSharedApart;
    options.commit.unit = CommitUnit::kStage;
  });
  expect_the_same("checking for numbers gone wrong", [](RuntimeOptions& options) { options.check_finite = true; });
}

// CUDA gives up a process after that: every later use says so, and nothing hangs.
TEST_F(CudaTokenLoop, AKernelThatGoesAstrayEndsTheDevice) {
  softcuda::Options options = softcuda::environment();
  options.fail_launch = 40;
  const auto loaded = load();
  Sequence sequence(*loaded, 1, {}, *loaded->instruments);
  softcuda::reset(options);
  for (int i = 0; i < 3; ++i) {
    const Error error = test::error_of([&] { generate(sequence, prompt_of(4), 3); });
    EXPECT_EQ(error.code(), ErrorCode::kDevice) << error.what();
    EXPECT_NE(std::string(error.what()).find("start it again"), std::string::npos) << error.what();
  }
}

TEST_F(CudaTokenLoop, NoMemoryForAModelIsAClearError) {
  softcuda::Options options = softcuda::environment();
  options.memory_bytes = std::uint64_t{1} << 20U;
  softcuda::reset(options);
  const Error error = test::error_of([] { static_cast<void>(load()); });
  EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
  EXPECT_NE(std::string(error.what()).find("--ctx-size"), std::string::npos) << error.what();
}

// What a longer prompt needs and does not get costs that prompt only.
TEST_F(CudaTokenLoop, NoMemoryForAPromptCostsThePromptOnly) {
  const auto loaded = load();
  Sequence sequence(*loaded, 1, {}, *loaded->instruments);
  const std::vector<std::int32_t> expected = generate(sequence, prompt_of(2), 3);
  softcuda::Options options = softcuda::environment();
  options.memory_bytes = 1;
  softcuda::reset(options);
  const Error error = test::error_of([&] { generate(sequence, prompt_of(100), 2); });
  EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
  EXPECT_EQ(generate(sequence, prompt_of(2), 3), expected);
  softcuda::reset();
  EXPECT_EQ(generate(sequence, prompt_of(100), 2).size(), 2U);
}

struct Refusal {
  softcuda::Options options;
  ErrorCode code;
  const char* says;
};

TEST_F(CudaTokenLoop, AMachineThatCannotIsToldWhatToDo) {
  for (const Refusal& refusal : {Refusal{{.n_devices = 0}, ErrorCode::kDevice, "--backend cpu"},
                                 Refusal{{.driver_version = 11080}, ErrorCode::kDevice, "install a newer one"},
                                 Refusal{{.compute_capability = 75}, ErrorCode::kUnsupported, "7.5"}}) {
    softcuda::reset(refusal.options);
    const Error error = test::error_of([] { static_cast<void>(create_device("cuda", {})); });
    EXPECT_EQ(error.code(), refusal.code) << error.what();
    EXPECT_NE(std::string(error.what()).find(refusal.says), std::string::npos) << error.what();
    const std::vector<std::string> usable = usable_backends();
    EXPECT_EQ(std::count(usable.begin(), usable.end(), "cuda"), 0) << refusal.says;
  }
}

}  // namespace
}  // namespace marlin
