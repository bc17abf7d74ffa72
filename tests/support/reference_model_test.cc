// SPDX-License-Identifier: Apache-2.0
// The float64 reference against what transformers computed in float32 from plain weights, and an independent float64
// program from EXL3 weights. Since it is the judge of every backend, this is where the judge is judged.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tests/support/fixtures.h"
#include "tests/support/golden.h"
#include "tests/support/near_norm.h"
#include "tests/support/reference/model.h"

namespace marlin::test {
namespace {

std::vector<std::size_t> ids_of(const GoldenFile& golden, const std::string& name) {
  const std::vector<std::int64_t> ids = golden.integers(name);
  return {ids.begin(), ids.end()};
}

// Stored float32 logits bound what can be asked: transformers' own rounding over all layers, or the storing of float64.
constexpr double kOfTransformers = 1e-4;
constexpr double kOfFloat64 = 1e-6;

TEST(ReferenceModel, RandomModelsEqualTransformers) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  for (const std::string name : {"random-qwen3_moe", "random-qwen3", "random-llama"}) {
    const GoldenFile golden(fixture("models/" + name + "/golden.safetensors"));
    reference::Model model(fixture("models/" + name));
    const std::vector<double> logits = model.logits(ids_of(golden, "ids"));
    expect_near_norm(logits, golden.values("logits"), kOfTransformers, name);
    EXPECT_LT(kl_divergence(golden.values("logits"), logits, model.n_vocab()), 1e-9) << name;
  }
}

TEST(ReferenceModel, RandomExl3ModelsEqualTheIndependentProgram) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  for (const std::string name : {"random-llama-exl3-mcg-3bpw", "random-qwen3_moe-exl3-mul1-4bpw"}) {
    const GoldenFile golden(fixture("models/" + name + "/exact-logits.safetensors"));
    reference::Model model(fixture("models/" + name));
    expect_near_norm(model.logits(ids_of(golden, "ids")), golden.values("logits"), kOfFloat64, name);
  }
}

TEST(ReferenceModel, Exl3GlmEqualsTheIndependentProgram) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  const GoldenFile prompts(fixture("golden/logits.safetensors"));
  for (const std::string variant : {"3inst-3bpw", "mcg-3bpw", "mul1-4bpw"}) {
    const std::string name = "models/tiny-glm4-moe-lite-exl3-" + variant;
    const GoldenFile golden(fixture(name + "/exact-logits.safetensors"));
    reference::Model model(fixture(name));
    for (const std::string prompt : {"prompt0", "prompt5"}) {
      expect_near_norm(model.logits(ids_of(prompts, prompt + ".ids")), golden.values(prompt + ".logits"), kOfFloat64,
                       fmt::format("{} {}", name, prompt));
    }
  }
}

void expect_same_routing(const reference::Routing& actual, const GoldenFile& golden, const std::string& name) {
  const std::vector<std::int64_t> experts = golden.integers(name + ".experts");  // sorted by id
  const std::vector<double> weights = golden.values(name + ".weights");
  const auto top_k = static_cast<std::size_t>(golden.shape(name + ".experts").at(1));
  ASSERT_EQ(actual.experts.size(), experts.size());
  for (std::size_t first = 0; first < experts.size(); first += top_k) {
    std::map<std::size_t, double> chosen;
    for (std::size_t slot = first; slot < first + top_k; ++slot) chosen[actual.experts[slot]] = actual.weights[slot];
    std::size_t slot = first;
    for (const auto& [expert, weight] : chosen) {
      EXPECT_EQ(static_cast<std::int64_t>(expert), experts[slot]) << name;
      EXPECT_NEAR(weight, weights[slot], 1e-4) << name;
      ++slot;
    }
    EXPECT_EQ(slot, first + top_k) << name << ": an expert was chosen twice";
  }
}

TEST(ReferenceModel, GlmEqualsTransformersLayerByLayer) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  const GoldenFile golden(fixture("golden/logits.safetensors"));
  reference::Model model(fixture("models/tiny-glm4-moe-lite"));
  for (const std::string prompt : {"prompt0", "prompt2"}) {
    const reference::Trace trace = model.run(ids_of(golden, prompt + ".ids"));
    for (std::size_t i = 0; i < trace.hidden.size(); ++i) {
      const std::string name = fmt::format("{}.hidden{}", prompt, i);
      expect_near_norm(trace.hidden[i], golden.values(name), kOfTransformers, name);
    }
    for (std::size_t layer = 1; layer < trace.routing.size(); ++layer) {
      expect_same_routing(trace.routing[layer], golden, fmt::format("{}.route{}", prompt, layer));
    }
    expect_near_norm(trace.logits, golden.values(prompt + ".logits"), kOfTransformers, prompt);
  }
}

TEST(ReferenceModel, RunsTheBundledDemoModel) {
  reference::Model model(demo_model());
  const std::vector<std::size_t> ids = {17, 401, 2093};
  const reference::Trace all = model.run(ids);
  ASSERT_EQ(all.logits.size(), ids.size() * model.n_vocab());
  // causal: what follows a token does not change it
  const std::vector<double> first = model.logits({17});
  expect_near_norm(std::span(all.logits).first(model.n_vocab()), first, 1e-12, "first token");
}

}  // namespace
}  // namespace marlin::test
