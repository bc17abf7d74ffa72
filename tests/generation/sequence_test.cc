// SPDX-License-Identifier: Apache-2.0
// The token loop on a model as deep as GLM-4.7-Flash, with as many experts: what it commits, waits for and allocates,
// that nothing about how it runs changes a token, and that a failing device costs one request, not the next.
#include "generation/sequence.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdio>

#include "backends/cpu/simulation.h"
#include "backends/registry.h"
#include "model/placement.h"
#include "tests/generation/synthetic_model.h"
#include "tests/generation/token_loop.h"
#include "tests/support/allocation_count.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

using test::generate;
using test::kDeepModel;
using test::prompt_of;

class DeepModel : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    loaded_ = test::load_synthetic(kDeepModel, create_device("cpu", {.n_threads = 2, .check_hazards = true}));
  }
  static void TearDownTestSuite() { loaded_.reset(); }

  static LoadedModel& loaded() { return *loaded_; }
  static Sequence sequence(const RuntimeOptions& options = {}) { return {loaded(), 1, options, *loaded().instruments}; }

 private:
  static inline std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(DeepModel, CommitsPerForward) {
  for (const auto& [layers, commits] : {std::pair{1, 47}, {8, 6}, {12, 4}}) {
    RuntimeOptions options;
    options.commit.layers_per_commit = layers;
    Sequence sequence = DeepModel::sequence(options);
    const Counters before = loaded().instruments->counters();
    generate(sequence, prompt_of(5), 6);
    const Counters counters = loaded().instruments->counters() - before;
    EXPECT_EQ(counters.forwards, 6U);
    EXPECT_EQ(counters.commits, 6U * static_cast<unsigned>(commits)) << layers << " layers per commit";
  }
  EXPECT_EQ(RuntimeOptions().commit.layers_per_commit, 12);
}

TEST_F(DeepModel, OneWaitPerTokenAndNoneInAForward) {
  Sequence sequence = DeepModel::sequence();
  const Counters before = loaded().instruments->counters();
  generate(sequence, prompt_of(5), 20);
  const Counters counters = loaded().instruments->counters() - before;
  EXPECT_EQ(counters.tokens, 20U);
  EXPECT_EQ(counters.waits, 20U);
}

TEST_F(DeepModel, TheTokenLoopAllocatesNothing) {
  auto loaded = test::load_synthetic(kDeepModel, create_device("cpu", {.n_threads = 2, .check_hazards = false}));
  for (const SamplingOptions& sampling :
       {SamplingOptions{.temperature = 0.0}, SamplingOptions{.top_k = 40, .repetition_penalty = 1.1, .seed = 1}}) {
    Sequence sequence(*loaded, 1, {}, *loaded->instruments);
    const std::vector<std::int32_t> prompt = prompt_of(9);
    sequence.begin_sampling(sampling, prompt);
    sequence.append_and_sample(prompt);
    for (int i = 0; i < 4; ++i) {  // warm-up
      sequence.step();
      sequence.next_token();
    }
    const long before = test::allocation_count();
    const std::uint64_t device_before = loaded->device->n_allocations();
    for (int i = 0; i < 32; ++i) {
      sequence.step();
      sequence.next_token();
    }
    EXPECT_EQ(test::allocation_count() - before, 0);
    EXPECT_EQ(loaded->device->n_allocations() - device_before, 0U);
  }
}

TEST_F(DeepModel, NothingAboutHowItRunsChangesAToken) {
  struct Variation {
    std::string name;
    RuntimeOptions options;
  };
  std::vector<Variation> variations;
  const auto vary = [&](std::string name, const auto& change) {
    variations.push_back({std::move(name), {}});
    change(variations.back().options);
  };
  for (const int layers : {1, 4, 8, 12, 47}) {
    vary(fmt::format("{} layers per commit", layers),
         [&](RuntimeOptions& options) { options.commit.layers_per_commit = layers; });
  }
  for (const int n : {1, 2, 3, 8}) {
    vary(fmt::format("{} in flight", n), [&](RuntimeOptions& options) { options.in_flight.max_in_flight = n; });
  }
  for (const abi::KernelVariant variant : abi::kAllVariants) {
    vary(std::string(abi::variant_name(variant)), [&](RuntimeOptions& options) { options.variant = variant; });
  }
  vary("no pool", [](RuntimeOptions& options) { options.pooling = false; });
  vary("expert by expert", [](RuntimeOptions& options) {
    options.expert_dispatch = ExpertDispatch::kSequential;
    options.commit.layers_per_commit = 1;
  });
  vary("shared expert apart, a commit per stage", [](RuntimeOptions& options) {
    options.expert_dispatch = ExpertDispatch::kSharedApart;
    options.commit.unit = CommitUnit::kStage;
  });
  vary("a commit per dispatch", [](RuntimeOptions& options) { options.commit.unit = CommitUnit::kDispatch; });
  vary("checking for numbers gone wrong", [](RuntimeOptions& options) { options.check_finite = true; });

  const std::vector<std::int32_t> prompt = prompt_of(37);
  for (const SamplingOptions& sampling :
       {SamplingOptions{.temperature = 0.0}, SamplingOptions{.top_p = 0.95, .presence_penalty = 0.5, .seed = 7}}) {
    Sequence plain = sequence();
    const std::vector<std::int32_t> expected = generate(plain, prompt, 12, sampling);
    const std::vector<float> logits(plain.logits().begin(), plain.logits().end());
    for (const Variation& variation : variations) {
      SCOPED_TRACE(variation.name);
      Sequence varied = sequence(variation.options);
      EXPECT_EQ(generate(varied, prompt, 12, sampling), expected);
      EXPECT_TRUE(std::equal(logits.begin(), logits.end(), varied.logits().begin()));
    }
  }
}

TEST_F(DeepModel, RememberedTokensFollowWhatTheHostHasSeen) {
  Sequence sequence = DeepModel::sequence();
  const std::vector<std::int32_t> prompt = prompt_of(5);
  const std::vector<std::int32_t> chosen = generate(sequence, prompt, 6);
  std::vector<std::int32_t> expected = prompt;
  expected.insert(expected.end(), chosen.begin(), chosen.end() - 1);  // the last was never appended
  EXPECT_EQ(sequence.tokens(), expected);
  // A pass that was abandoned while in flight: the next generation starts from what is known.
  sequence.begin_sampling({.temperature = 0.0}, {});
  sequence.append_and_sample(std::span(chosen).last(1));
  sequence.step();
  const std::int32_t next = sequence.next_token();
  expected.push_back(chosen.back());
  expected.push_back(next);
  EXPECT_EQ(sequence.tokens(), expected);
  EXPECT_EQ(generate(sequence, prompt, 6), chosen);
}

/// Dispatches of one forward pass that belong to the MLP of layer 3, its norm included.
int mlp_dispatches(std::int64_t n_experts, std::int64_t n_rows, ExpertDispatch dispatch) {
  auto loaded = test::load_synthetic("tiny-moe", create_device("cpu", {.n_threads = 1}), [&](ModelConfig& config) {
    config.moe.n_experts = n_experts;
    config.moe.intermediate_size = 128;
  });
  std::FILE* const log = std::tmpfile();
  Instruments instruments(log);
  int count = 0;
  {
    RuntimeOptions options;
    options.expert_dispatch = dispatch;
    Sequence sequence(*loaded, 1, options, instruments);
    sequence.append(prompt_of(static_cast<std::size_t>(n_rows)));
    static_cast<void>(sequence.logits());
  }
  std::rewind(log);
  char line[256];
  while (std::fgets(line, sizeof(line), log) != nullptr) {
    const std::string_view text(line);
    const bool in_mlp = text.ends_with("layer 3, router\n") || text.ends_with("layer 3, experts\n");
    count += text.starts_with("DISPATCH: ") && in_mlp ? 1 : 0;
  }
  std::fclose(log);
  return count + 1;
}

TEST(Dispatches, DoNotGrowWithExpertsOrBatch) {
  for (const std::int64_t n_experts : {8, 64, 256}) {
    for (const std::int64_t n_rows : {1, 40}) {
      const int n = mlp_dispatches(n_experts, n_rows, ExpertDispatch::kBatched);
      EXPECT_LE(n, 10) << n_experts << " experts, " << n_rows << " rows";
      EXPECT_GE(n, 5);
    }
  }
  EXPECT_GT(mlp_dispatches(64, 1, ExpertDispatch::kSequential), 128) << "the baseline launches every expert";
}

// The second group of the third pass fails: that request ends with an error that names it, the next one works.
TEST(DeviceFailure, CostsItsRequestOnly) {
  std::atomic<std::int64_t> fail_at = -1;
  std::atomic<std::int64_t> seen = 0;
  auto loaded = test::load_synthetic(
      "tiny-moe",
      create_simulated_device(
          {.n_threads = 1, .check_hazards = true},
          {.fault = [&](std::uint64_t,
                        std::string_view) { return seen++ == fail_at ? SimulatedFault::kFail : SimulatedFault::kNone; },
           .gate = std::make_shared<SimulationGate>()}));
  RuntimeOptions options;
  options.commit.layers_per_commit = 2;  // two groups a pass
  Sequence sequence(*loaded, 1, options, *loaded->instruments);
  const std::vector<std::int32_t> prompt = prompt_of(4);
  const std::vector<std::int32_t> expected = generate(sequence, prompt, 8);
  for (const std::int64_t at : {0, 1, 5, 6}) {
    seen = 0;
    fail_at = at;
    const Error error = test::error_of([&] { generate(sequence, prompt, 8); });
    EXPECT_EQ(error.code(), ErrorCode::kDevice);
    EXPECT_NE(std::string(error.what()).find("simulated failure"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("batch "), std::string::npos) << error.what();
    EXPECT_EQ(sequence.size(), 0) << "what the cache holds is not known any more";
    fail_at = -1;
    EXPECT_EQ(generate(sequence, prompt, 8), expected);
  }
}

// What a host that samples by itself would do wrong first: read the logits of a pass it has not waited for.
TEST(Hazard, LogitsReadBeforeTheirPassEndedAreRefused) {
  const auto gate = std::make_shared<SimulationGate>();
  auto loaded = test::load_synthetic(
      "tiny-moe", create_simulated_device(
                      {.n_threads = 1, .check_hazards = true},
                      {.fault = [](std::uint64_t, std::string_view) { return SimulatedFault::kHang; }, .gate = gate}));
  Instruments& instruments = *loaded->instruments;
  const KvCache cache(*loaded->device, loaded->model->config(), 1, kBlockTokens, abi::MatrixFormat::kF16);
  Runtime runtime(*loaded->device, loaded->model->runtime_needs(1, 1, 1), {}, instruments);
  MoEBufferPool::Lease lease = runtime.pool.lease(1, 1);
  *lease.buffers().ids.host_write<std::int32_t>() = 5;
  Placement placement(lease.buffers(), cache);
  placement.add_rows(placement.list(std::array{0U}), 0, 1);
  LayerBatchContext batch(runtime.manager, runtime.dispatcher, {});
  loaded->model->encode(runtime, batch,
                        {.chosen = lease.buffers().ids,
                         .n_rows = 1,
                         .n_logit_rows = 1,
                         .cache = &cache,
                         .buffers = &lease.buffers(),
                         .rope_table = {loaded->rope_table.get(), 0, loaded->rope_table->size_bytes()},
                         .tap = {}});
  const BatchId end = batch.finish();
  std::vector<std::byte> room;
  const auto read = [&] { static_cast<void>(loaded->device->read(lease.buffers().logits, room)); };
  const Error error = test::error_of(read);
  EXPECT_EQ(error.code(), ErrorCode::kInternal);
  EXPECT_NE(std::string(error.what()).find("nothing has waited for it"), std::string::npos) << error.what();
  EXPECT_NE(std::string(error.what()).find("layers 0-3"), std::string::npos) << error.what();
  EXPECT_EQ(test::error_of([&] { *lease.buffers().ids.host_write<std::int32_t>() = 6; }).code(), ErrorCode::kInternal)
      << "nor may what a pass reads be overwritten";
  gate->open();
  runtime.manager.wait(end);
  EXPECT_NO_THROW(read());
}

/// Overwrites a tensor of random weights with f16 NaNs.
void fill_with_nan(const TensorSource& tensors, std::string_view name) {
  const TensorView* const tensor = tensors.find(name);
  ASSERT_NE(tensor, nullptr);
  auto* bytes = const_cast<std::byte*>(tensor->data);
  for (std::size_t i = 0; i + 1 < tensor->bytes; i += 2) {
    bytes[i] = std::byte{0x00};
    bytes[i + 1] = std::byte{0x7E};
  }
}

TEST(FiniteGuard, NamesLayerAndStage) {
  struct Case {
    const char* tensor;
    const char* message;
  };
  for (const Case& c : {Case{"model.layers.2.mlp.shared_experts.down_proj.svh", "layer 2, mlp"},
                        {"model.layers.3.self_attn.o_proj.svh", "layer 3, attention"},
                        {"lm_head.svh", "head: row 0"}}) {
    auto loaded = test::load_synthetic("tiny-moe", create_device("cpu", {.n_threads = 1}), {},
                                       [&](const TensorSource& tensors) { fill_with_nan(tensors, c.tensor); });
    RuntimeOptions options;
    options.check_finite = true;
    Sequence sequence(*loaded, 1, options, *loaded->instruments);
    const Error error = test::error_of([&] { generate(sequence, prompt_of(3), 2); });
    EXPECT_EQ(error.code(), ErrorCode::kDevice);
    EXPECT_NE(std::string(error.what()).find(c.message), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace marlin
