// SPDX-License-Identifier: Apache-2.0
// However a prompt is cut into passes, and whatever the number of threads, the logits are the same to the last bit:
// every kernel computes a row independently of its neighbours, and attention meets keys in the same blocks.
#include <gtest/gtest.h>

#include "tests/golden/observed_model.h"
#include "tests/support/fixtures.h"
#include "tests/support/golden.h"

namespace marlin::test {
namespace {

std::vector<std::int64_t> tokens_of(const LoadedModel& loaded, std::size_t n) {
  std::string text;
  while (text.size() < 8 * n) text += "Once upon a time a fox named Zoe carried a brass lamp over the 42 hills. ";
  const auto ids = loaded.require_tokenizer().encode(text, Tokenizer::SpecialTokens::kAsText);
  return {ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n)};
}

TEST(Chunks, AnySplitOfThePromptGivesTheSameLogits) {
  ObservedModel model(demo_model());
  const auto ids = tokens_of(model.loaded(), 200);
  const auto whole = model.logits(ids, 128);
  for (const std::int64_t chunk : {1, 3, 16, 100}) {
    EXPECT_EQ(model.logits(ids, chunk), whole) << "chunks of " << chunk;
  }
}

TEST(Chunks, AnySplitGivesTheSameLogitsFromACacheOf8Bits) {
  ObservedModel model(demo_model(), 2, "int8");
  const auto ids = tokens_of(model.loaded(), 150);
  const auto whole = model.logits(ids, 128);
  for (const std::int64_t chunk : {1, 3, 100}) EXPECT_EQ(model.logits(ids, chunk), whole) << "chunks of " << chunk;
}

TEST(Chunks, DecodingAtLongContextEqualsPrefill) {
  ObservedModel model(demo_model());
  const auto ids = tokens_of(model.loaded(), 2064);
  const auto whole = model.logits(ids, 128);
  std::vector<double> mixed = model.logits(std::span(ids).first(2048), 128);
  EXPECT_TRUE(std::equal(mixed.begin(), mixed.end(), whole.begin()));
  // Token by token over the last 16, on the cache that the 2,048 left.
  const auto token_by_token = model.logits(ids, 1);
  EXPECT_TRUE(std::equal(token_by_token.end() - 16 * 4096, token_by_token.end(), whole.end() - 16 * 4096));
}

TEST(Chunks, PlainModelsAndGroupedAttentionToo) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  for (const char* name : {"tiny-glm4-moe-lite", "random-qwen3_moe", "random-qwen3", "random-llama"}) {
    SCOPED_TRACE(name);
    std::vector<std::int64_t> ids;
    for (std::int64_t i = 0; i < 90; ++i) ids.push_back(i * 37 % 4000);
    for (const char* cache_type : {"f16", "int8"}) {
      SCOPED_TRACE(cache_type);
      ObservedModel model(fixture(fmt::format("models/{}", name)), 2, cache_type);
      const auto whole = model.logits(ids, 128);
      for (const std::int64_t chunk : {1, 7, 64}) EXPECT_EQ(model.logits(ids, chunk), whole) << "chunks of " << chunk;
    }
  }
}

TEST(Chunks, ThreadsDoNotChangeAnything) {
  ObservedModel one(demo_model(), 1);
  ObservedModel four(demo_model(), 4);
  const auto ids = tokens_of(one.loaded(), 70);
  EXPECT_EQ(one.logits(ids, 32), four.logits(ids, 32));
}

}  // namespace
}  // namespace marlin::test
