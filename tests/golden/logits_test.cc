// SPDX-License-Identifier: Apache-2.0
// Whole models against what transformers, exllamav3 and the float64 reference computed for the same tokens.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/golden/observed_model.h"
#include "tests/support/fixtures.h"
#include "tests/support/golden.h"
#include "tests/support/reference/ops.h"

namespace marlin::test {
namespace {

constexpr std::size_t kVocab = 4096;
constexpr int kPrompts = 6;

std::string prompt_key(int prompt, std::string_view name) { return fmt::format("prompt{}.{}", prompt, name); }

/// KL of every position of all prompts of a golden file, whose ids may lie in another.
std::vector<double> prompt_kl(ObservedModel& model, const GoldenFile& ids, const GoldenFile& golden) {
  std::vector<double> all;
  for (int prompt = 0; prompt < kPrompts; ++prompt) {
    const auto tokens = ids.integers(prompt_key(prompt, "ids"));
    const auto kl = kl_per_position(golden.values(prompt_key(prompt, "logits")), model.logits(tokens), kVocab);
    all.insert(all.end(), kl.begin(), kl.end());
  }
  return all;
}

TEST(Logits, DemoModelMatchesTheExactReference) {
  ObservedModel model(demo_model());
  const GoldenFile golden(bundled_golden("demo-logits.safetensors"));
  EXPECT_LT(mean(prompt_kl(model, golden, golden)), 1e-6);
}

// Measured: a median of 2.8e-6 and a mean of 1.9e-4, which comes from the few positions where two experts nearly tie
// and the rounding of the cache chooses the other.
TEST(Logits, ACacheOf8BitsChangesLittle) {
  ObservedModel model(demo_model(), 2, "int8");
  const GoldenFile golden(bundled_golden("demo-logits.safetensors"));
  const std::vector<double> kl = prompt_kl(model, golden, golden);
  EXPECT_LT(median(kl), 2e-5);
  EXPECT_LT(mean(kl), 1e-3);
}

TEST(Logits, PlainGlmMatchesTransformersAtEveryPosition) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  ObservedModel model(fixture("models/tiny-glm4-moe-lite"));
  const GoldenFile golden(fixture("golden/logits.safetensors"));
  for (const double kl : prompt_kl(model, golden, golden)) EXPECT_LT(kl, 1e-5);
}

TEST(Logits, PlainGlmHasTheHiddenStatesAndRoutingOfTransformers) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  ObservedModel model(fixture("models/tiny-glm4-moe-lite"));
  const GoldenFile golden(fixture("golden/logits.safetensors"));
  const ModelConfig& config = model.loaded().model->config();
  for (const int prompt : {0, 2}) {
    const Observation observed = model.observe(golden.integers(prompt_key(prompt, "ids")));
    ASSERT_EQ(observed.hidden.size(), static_cast<std::size_t>(config.n_layers + 1));
    for (std::size_t i = 0; i + 1 < observed.hidden.size(); ++i) {  // the last golden one is after the final norm
      const auto expected = golden.values(prompt_key(prompt, fmt::format("hidden{}", i)));
      // The cache rounds keys and values to f16 (2^-12 each); a layer's output moves by a fraction of that.
      EXPECT_LT(max_error_over_rms(expected, observed.hidden[i]), i == 0 ? 1e-7 : 2e-3) << "hidden state " << i;
    }
    ASSERT_EQ(observed.routing.size(), static_cast<std::size_t>(config.n_layers - 1));
    for (const auto& [layer, routing] : observed.routing) {
      const auto experts = golden.integers(prompt_key(prompt, fmt::format("route{}.experts", layer)));
      const auto weights = golden.values(prompt_key(prompt, fmt::format("route{}.weights", layer)));
      const auto top_k = static_cast<std::size_t>(config.moe.top_k);
      for (std::size_t i = 0; i < experts.size(); ++i) {
        EXPECT_EQ(routing.experts[i / top_k][i % top_k], experts[i]) << "layer " << layer << ", slot " << i;
        EXPECT_NEAR(routing.weights[i / top_k][i % top_k], weights[i], 1e-3) << "layer " << layer << ", slot " << i;
      }
    }
  }
}

TEST(Logits, RandomModelsMatchTransformers) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  for (const char* name : {"random-qwen3_moe", "random-qwen3", "random-llama"}) {
    SCOPED_TRACE(name);
    const GoldenFile golden(fixture(fmt::format("models/{}/golden.safetensors", name)));
    const auto expected = golden.values("logits");
    // The largest of 200,000 logit errors: what is left of it comes from rounding keys and values to f16.
    for (const auto& [cache_type, tolerance] : {std::pair("f32", 1e-3), std::pair("f16", 5e-3)}) {
      SCOPED_TRACE(cache_type);
      ObservedModel model(fixture(fmt::format("models/{}", name)), 2, cache_type);
      const auto actual = model.logits(golden.integers("ids"));
      EXPECT_LT(max_error_over_rms(expected, actual), tolerance);
      EXPECT_EQ(argmax_agreement(expected, actual, kVocab), 1.0);
    }
  }
}

// The largest of 200,000 logit errors again. Measured: 0.09, 40 times the rounding of f16.
TEST(Logits, RandomModelsChangeLittleWithACacheOf8Bits) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  for (const char* name : {"random-qwen3", "random-llama"}) {
    SCOPED_TRACE(name);
    const GoldenFile golden(fixture(fmt::format("models/{}/golden.safetensors", name)));
    ObservedModel model(fixture(fmt::format("models/{}", name)), 2, "int8");
    EXPECT_LT(max_error_over_rms(golden.values("logits"), model.logits(golden.integers("ids"))), 0.2);
  }
}

TEST(Logits, Exl3GlmMatchesTheExactReferenceAndExllamav3) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  const GoldenFile ids(fixture("golden/logits.safetensors"));
  for (const char* variant : {"3inst-3bpw", "mcg-3bpw", "mul1-3bpw", "mul1-4bpw"}) {
    SCOPED_TRACE(variant);
    const std::string directory = fmt::format("models/tiny-glm4-moe-lite-exl3-{}", variant);
    ObservedModel model(fixture(directory));
    EXPECT_LT(mean(prompt_kl(model, ids, GoldenFile(fixture(directory + "/exact-logits.safetensors")))), 1e-6);
    EXPECT_LT(median(prompt_kl(model, ids, GoldenFile(fixture(directory + "/exllamav3-logits.safetensors")))), 1e-5);
  }
}

TEST(Logits, Exl3QwenMoeAndLlamaMatchTheExactReferenceAndExllamav3) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  for (const char* name : {"random-qwen3_moe-exl3-mul1-4bpw", "random-llama-exl3-mcg-3bpw"}) {
    SCOPED_TRACE(name);
    const std::string directory = fmt::format("models/{}", name);
    const GoldenFile exact(fixture(directory + "/exact-logits.safetensors"));
    const GoldenFile exllama(fixture(directory + "/exllamav3-logits.safetensors"));
    ObservedModel model(fixture(directory));
    const auto actual = model.logits(exact.integers("ids"));
    // Not the mean: where two experts of a random model nearly tie, one rounding more may choose the other.
    EXPECT_LT(median(kl_per_position(exact.values("logits"), actual, kVocab)), 1e-6);
    EXPECT_LT(median(kl_per_position(exllama.values("logits"), actual, kVocab)), 1e-5);
  }
}

}  // namespace
}  // namespace marlin::test
