// SPDX-License-Identifier: Apache-2.0
// What the cache takes in every format, which the memory plan is made of.
#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include "backends/registry.h"
#include "model/synthetic.h"

namespace marlin {
namespace {

using enum abi::MatrixFormat;

TEST(KvCache, BytesOfALatentToken) {
  const ModelConfig glm = synthetic_geometry("glm-4.7-flash");  // 47 layers of 512 + 64
  EXPECT_EQ(KvCache::bytes_per_token(glm, kF32), 47U * 576 * 4);
  EXPECT_EQ(KvCache::bytes_per_token(glm, kF16), 47U * 576 * 2);
  EXPECT_EQ(KvCache::bytes_per_token(glm, kInt8), 47U * (576 + 9 * 4));
}

TEST(KvCache, ARotatedKeyBeginsAGroupOfItsOwn) {
  ModelConfig config = synthetic_geometry("glm-4.7-flash");
  config.attention.kv_lora_rank = 70;
  config.attention.qk_rope_head_dim = 20;
  EXPECT_EQ(KvCache::bytes_per_token(config, kF16), 47U * 90 * 2);
  EXPECT_EQ(KvCache::bytes_per_token(config, kInt8), 47U * (128 + 32 + 3 * 4));
}

TEST(KvCache, BytesOfKeysAndValuesOfHeads) {
  ModelConfig qwen = synthetic_geometry("qwen3-30b-a3b");  // 48 layers of 4 heads of 128
  EXPECT_EQ(KvCache::bytes_per_token(qwen, kF16), 48U * 2 * 4 * 128 * 2);
  EXPECT_EQ(KvCache::bytes_per_token(qwen, kInt8), 48U * 2 * 4 * (128 + 2 * 4));
  qwen.attention.head_dim = 80;
  EXPECT_EQ(KvCache::bytes_per_token(qwen, kInt8), 48U * 2 * 4 * (80 + 2 * 4));
}

TEST(KvCache, LayersShareTheMemoryWithoutGaps) {
  const auto device = create_device("cpu", {.n_threads = 1});
  const ModelConfig config = synthetic_geometry("tiny-moe");
  for (const abi::MatrixFormat format : {kF16, kF32, kInt8}) {
    const KvCache cache(*device, config, 3, 16, format);
    std::size_t end = 0;
    for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
      EXPECT_EQ(cache.layer(layer).keys.offset, end);
      EXPECT_EQ(cache.layer(layer).format, format);
      end += cache.layer(layer).keys.bytes + cache.layer(layer).values.bytes;
    }
    EXPECT_EQ(end, 48 * KvCache::bytes_per_token(config, format));
  }
}

}  // namespace
}  // namespace marlin
