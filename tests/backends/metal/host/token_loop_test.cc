// SPDX-License-Identifier: Apache-2.0
// The token loop on the metal backend: it launches, commits, waits for and binds what the cpu backend does, allocates
// nothing, gives the same tokens however it runs, and survives what a GPU does to it. Metal is software here; any
// violation of its rules ends the test.
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
#include "tests/support/softmetal/softmetal.h"

namespace marlin {
namespace {

using test::generate;
using test::kDeepModel;
using test::prompt_of;

class MetalTokenLoop : public ::testing::Test {
 protected:
  ~MetalTokenLoop() override { softmetal::reset(); }

  static std::unique_ptr<LoadedModel> load(std::string_view model, const softmetal::Options& options) {
    softmetal::reset();
    softmetal::set_options(options);
    return test::load_synthetic(model, create_device("metal", {.check_hazards = false}));
  }
  static std::unique_ptr<LoadedModel> load_recording() {
    return load(kDeepModel, {.execute = false, .checked = false, .fatal = true});
  }
};

TEST_F(MetalTokenLoop, LaunchesCommitsWaitsAndBindsWhatTheCpuDoes) {
  const auto on_metal = load_recording();
  const auto on_cpu = test::load_synthetic(kDeepModel, create_device("cpu", {.n_threads = 1, .check_hazards = false}));
  for (const auto& [layers, commits] : {std::pair{1, 47}, {8, 6}, {12, 4}}) {
    RuntimeOptions options;
    options.commit.layers_per_commit = layers;
    Counters counters[2];
    for (const int i : {0, 1}) {
      LoadedModel& loaded = i == 0 ? *on_metal : *on_cpu;
      Sequence sequence(loaded, 1, options, *loaded.instruments);
      const Counters before = loaded.instruments->counters();
      generate(sequence, prompt_of(5), 6);
      counters[i] = loaded.instruments->counters() - before;
    }
    EXPECT_EQ(counters[0].commits, 6U * static_cast<unsigned>(commits));
    EXPECT_EQ(counters[0].waits, 6U);
    EXPECT_EQ(counters[0].commits, counters[1].commits);
    EXPECT_EQ(counters[0].dispatches, counters[1].dispatches);
    EXPECT_EQ(counters[0].waits, counters[1].waits);
    EXPECT_EQ(counters[0].bytes_bound, counters[1].bytes_bound);
  }
}

TEST_F(MetalTokenLoop, AllocatesNothingAndLeavesResidencyAlone) {
  const auto loaded = load_recording();
  Sequence sequence(*loaded, 1, {}, *loaded->instruments);
  generate(sequence, prompt_of(9), 8);  // warm-up
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
    const std::uint64_t residency_before = softmetal::counters().residency_changes;
    for (int i = 0; i < 32; ++i) {
      sequence.step();
      sequence.next_token();
    }
    EXPECT_EQ(test::allocation_count() - before, 0);
    EXPECT_EQ(loaded->device->n_allocations() - device_before, 0U);
    EXPECT_EQ(softmetal::counters().residency_changes - residency_before, 0U);
  }
}

TEST_F(MetalTokenLoop, LeavesNothingBehind) {
  {
    const auto loaded = load_recording();
    Sequence sequence(*loaded, 1, {}, *loaded->instruments);
    generate(sequence, prompt_of(5), 3);
  }
  EXPECT_TRUE(softmetal::live_objects().empty());
}

TEST_F(MetalTokenLoop, NothingAboutHowItRunsChangesAToken) {
  const auto loaded = load("tiny-moe", {.checked = false, .fatal = true});
  Sequence plain(*loaded, 1, {}, *loaded->instruments);
  const std::vector<std::int32_t> expected = generate(plain, prompt_of(7), 4);
  const std::vector<float> logits(plain.logits().begin(), plain.logits().end());
  const auto expect_the_same = [&](const std::string& name, const auto& change) {
    RuntimeOptions options;
    change(options);
    Sequence varied(*loaded, 1, options, *loaded->instruments);
    EXPECT_EQ(generate(varied, prompt_of(7), 4), expected) << name;
    EXPECT_TRUE(std::equal(logits.begin(), logits.end(), varied.logits().begin())) << name;
  };
  for (const int layers : {1, 3, 47}) {
    for (const int in_flight : {1, 8}) {
      expect_the_same(fmt::format("{} layers per commit, {} in flight", layers, in_flight),
                      [&](RuntimeOptions& options) {
                        options.commit.layers_per_commit = layers;
                        options.in_flight.max_in_flight = in_flight;
                      });
    }
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

// Every access of every kernel, in a random order, with the fewest threads a pipeline may allow.
TEST_F(MetalTokenLoop, KeepsMetalsRules) {
  const auto loaded = load(
      "tiny-moe", {.max_threads = 256, .schedule = msl::Schedule::kRandom, .interleave_queues = true, .fatal = true});
  Sequence sequence(*loaded, 1, {}, *loaded->instruments);
  EXPECT_EQ(generate(sequence, prompt_of(3), 2).size(), 2U);
  EXPECT_EQ(softmetal::text_of_faults(), "");
}

TEST_F(MetalTokenLoop, AGpuErrorCostsItsRequestOnly) {
  const auto loaded = load("tiny-moe", {.checked = false, .fatal = true});
  RuntimeOptions options;
  options.commit.layers_per_commit = 2;  // two groups a pass
  Sequence sequence(*loaded, 1, options, *loaded->instruments);
  const std::vector<std::int32_t> expected = generate(sequence, prompt_of(4), 3);
  struct Case {
    softmetal::CommandError code;
    ErrorCode error;
    const char* says;
  };
  for (const Case& c : {Case{softmetal::CommandError::kOutOfMemory, ErrorCode::kOutOfMemory, "--ctx-size"},
                        {softmetal::CommandError::kTimeout, ErrorCode::kDevice, "--layers-per-commit"},
                        {softmetal::CommandError::kPageFault, ErrorCode::kDevice, "a bug of ours"},
                        {softmetal::CommandError::kDeviceRemoved, ErrorCode::kDevice, "Metal error 11"}}) {
    softmetal::fail_command_buffer(2, c.code);
    const Error error = test::error_of([&] { generate(sequence, prompt_of(4), 3); });
    EXPECT_EQ(error.code(), c.error) << error.what();
    EXPECT_NE(std::string(error.what()).find(c.says), std::string::npos) << error.what();
    EXPECT_EQ(generate(sequence, prompt_of(4), 3), expected);
  }
}

TEST_F(MetalTokenLoop, WaitsForAGpuThatIsLate) {
  const auto loaded = load("tiny-moe", {.checked = false, .delay_us = 2000, .fatal = true});
  Sequence sequence(*loaded, 1, {}, *loaded->instruments);
  EXPECT_EQ(generate(sequence, prompt_of(3), 3).size(), 3U);
  EXPECT_GT(loaded->instruments->counters().overlap_seconds, 0);
}

/// For a group of layers; instrumented code takes many times as long to encode one.
constexpr int kGroupMicroseconds = kDebugBuild ? 40000 : 4000;

// A GPU that takes its time for each of the 4 groups of a token: the host encodes the next token meanwhile.
TEST_F(MetalTokenLoop, EncodingOverlapsExecution) {
  const auto loaded =
      load(kDeepModel, {.execute = false, .checked = false, .least_us = kGroupMicroseconds, .fatal = true});
  Sequence sequence(*loaded, 1, {}, *loaded->instruments);
  generate(sequence, prompt_of(5), 3);  // compiles pipelines
  // A busy machine may take the processor away for longer than a token lasts: the best of a few tries counts.
  double best = 0;
  for (int attempt = 0; attempt < 10 && best <= 0.9; ++attempt) {
    sequence.begin_sampling({.temperature = 0.0}, {});
    sequence.append_and_sample(prompt_of(1));
    const Counters before = loaded->instruments->counters();
    for (int i = 0; i < 16; ++i) {
      sequence.step();
      sequence.next_token();
    }
    const Counters counters = loaded->instruments->counters() - before;
    EXPECT_EQ(counters.commits, 16U * 4U);
    EXPECT_EQ(counters.waits, 16U);
    best = std::max(best, counters.overlap_seconds / counters.encode_seconds);
  }
  EXPECT_GT(best, 0.9);
  RecordProperty("overlap", std::to_string(best));
}

TEST_F(MetalTokenLoop, NoMemoryIsAClearError) {
  softmetal::reset();
  const auto device = create_device("metal", {.check_hazards = false});
  softmetal::fail_allocation(1);
  const Error error = test::error_of([&] { static_cast<void>(device->allocate(1 << 20, "key-value cache")); });
  EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
  EXPECT_NE(std::string(error.what()).find("key-value cache"), std::string::npos) << error.what();
}

TEST_F(MetalTokenLoop, AGpuThatIsNotOfAppleSiliconIsRefused) {
  for (const softmetal::Options& options :
       {softmetal::Options{.unified_memory = false}, softmetal::Options{.gpu_family = 1005}}) {
    softmetal::reset();
    softmetal::set_options(options);
    const Error error = test::error_of([] { static_cast<void>(create_device("metal", {})); });
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("--backend cpu"), std::string::npos) << error.what();
    const std::vector<std::string> usable = usable_backends();
    EXPECT_EQ(std::count(usable.begin(), usable.end(), "metal"), 0);
  }
}

}  // namespace
}  // namespace marlin
