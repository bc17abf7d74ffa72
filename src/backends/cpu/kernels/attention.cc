// SPDX-License-Identifier: Apache-2.0
// Attention over a cache, for both kinds: an item is a row and a few heads that share their keys. Keys are met in
// blocks of 64 with a running maximum, so the memory needed does not depend on the context; blocks start at position 0,
// so a row's result does not depend on how the prompt was cut into chunks.
#include "abi/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/cpu/kernels/attention_query.h"
#include "backends/cpu/kernels/kernels.h"
#include "base/error.h"
#include "base/unroll.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/attention.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// clang-format off
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>  // not before foreach_target.h
// clang-format on

#include "backends/cpu/kernels/load-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

constexpr std::size_t kKeyBlock = 64;

HWY_INLINE void scale_values(float* values, float factor, std::size_t n) {
  const Floats d;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(hn::Mul(hn::LoadU(d, values + i), hn::Set(d, factor)), d, values + i);
  }
  for (; i < n; ++i) values[i] *= factor;
}

/// scores[head][key] of kKeys keys: each loaded vector of a key serves all heads, each of a query all keys.
template <abi::MatrixFormat kFormat, int kHeads, int kKeys>
HWY_INLINE void score_keys(const AttentionQuery& query, const std::uint8_t* keys, float* scores) {
  const Floats d;
  const std::size_t dim = query.key_dim;
  const std::size_t key_bytes = query.key_stride * kElementBytes<kFormat>;
  Vector sums[kHeads][kKeys];
  MARLIN_UNROLL
  for (auto& head : sums) {
    MARLIN_UNROLL
    for (auto& sum : head) sum = hn::Zero(d);
  }
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= dim; i += hn::Lanes(d)) {
    Vector parts[kKeys];
    MARLIN_UNROLL
    for (std::size_t key = 0; key < kKeys; ++key) {
      parts[key] = load_elements<kFormat>(d, keys + key * key_bytes + i * kElementBytes<kFormat>);
    }
    MARLIN_UNROLL
    for (std::size_t head = 0; head < kHeads; ++head) {
      const auto q = hn::LoadU(d, query.queries + head * dim + i);
      MARLIN_UNROLL
      for (int key = 0; key < kKeys; ++key) sums[head][key] = hn::MulAdd(parts[key], q, sums[head][key]);
    }
  }
  for (std::size_t head = 0; head < kHeads; ++head) {
    for (std::size_t key = 0; key < kKeys; ++key) {
      float score = hn::GetLane(hn::SumOfLanes(d, sums[head][key]));
      for (std::size_t k = i; k < dim; ++k) {
        score +=
            load_element<kFormat>(keys + key * key_bytes + k * kElementBytes<kFormat>) * query.queries[head * dim + k];
      }
      scores[head * kKeyBlock + key] = score * query.scale;
    }
  }
}

/// out[head][kVectors vectors] += the weighted values of n keys. `values`, `out`: from the first element of the slice.
template <abi::MatrixFormat kFormat, int kHeads, int kVectors>
HWY_INLINE void add_values(const AttentionQuery& query, const std::uint8_t* values, const float* weights, std::size_t n,
                           float* out) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t value_bytes = query.value_stride * kElementBytes<kFormat>;
  Vector sums[kHeads][kVectors];
  MARLIN_UNROLL
  for (std::size_t head = 0; head < kHeads; ++head) {
    MARLIN_UNROLL
    for (std::size_t v = 0; v < kVectors; ++v) sums[head][v] = hn::LoadU(d, out + head * query.value_dim + v * lanes);
  }
  for (std::size_t key = 0; key < n; ++key, values += value_bytes) {
    Vector parts[kVectors];
    MARLIN_UNROLL
    for (std::size_t v = 0; v < kVectors; ++v) {
      parts[v] = load_elements<kFormat>(d, values + v * lanes * kElementBytes<kFormat>);
    }
    MARLIN_UNROLL
    for (std::size_t head = 0; head < kHeads; ++head) {
      const auto weight = hn::Set(d, weights[head * kKeyBlock + key]);
      MARLIN_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[head][v] = hn::MulAdd(parts[v], weight, sums[head][v]);
    }
  }
  MARLIN_UNROLL
  for (std::size_t head = 0; head < kHeads; ++head) {
    MARLIN_UNROLL
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sums[head][v], d, out + head * query.value_dim + v * lanes);
  }
}

template <abi::MatrixFormat kFormat, int kHeads>
HWY_INLINE void add_all_values(const AttentionQuery& query, const std::uint8_t* values, const float* weights,
                               std::size_t n, float* out) {
  const std::size_t lanes = hn::Lanes(Floats());
  std::size_t i = 0;
  for (; i + 2 * lanes <= query.value_dim; i += 2 * lanes) {
    add_values<kFormat, kHeads, 2>(query, values + i * kElementBytes<kFormat>, weights, n, out + i);
  }
  for (; i + lanes <= query.value_dim; i += lanes) {
    add_values<kFormat, kHeads, 1>(query, values + i * kElementBytes<kFormat>, weights, n, out + i);
  }
  for (; i < query.value_dim; ++i) {
    for (std::size_t head = 0; head < kHeads; ++head) {
      for (std::size_t key = 0; key < n; ++key) {
        out[head * query.value_dim + i] +=
            weights[head * kKeyBlock + key] *
            load_element<kFormat>(values + (key * query.value_stride + i) * kElementBytes<kFormat>);
      }
    }
  }
}

/// scores[n] -> exp(scores - maximum); their sum. What follows up to the next full vector becomes 0.
HWY_INLINE float exponentiate(float* scores, std::size_t n, float maximum) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t padded = (n + lanes - 1) / lanes * lanes;
  std::fill(scores + n, scores + padded, maximum - 1000.0F);  // exp(-1000) is 0
  auto sum = hn::Zero(d);
  for (std::size_t i = 0; i < padded; i += lanes) {
    const auto weights = hn::Exp(d, hn::Sub(hn::LoadU(d, scores + i), hn::Set(d, maximum)));
    hn::StoreU(weights, d, scores + i);
    sum = hn::Add(sum, weights);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

template <abi::MatrixFormat kFormat, int kHeads>
void attend_heads(const AttentionQuery& query, float* out) {
  constexpr int kKeys = kHeads > 2 ? 2 : 4;  // as many as registers hold sums of
  float maximum[kHeads];
  float sum[kHeads] = {};
  std::fill(maximum, maximum + kHeads, -std::numeric_limits<float>::infinity());
  std::fill(out, out + kHeads * query.value_dim, 0.0F);
  for (std::size_t first = 0; first < query.n_positions; first += kKeyBlock) {
    const std::size_t n = std::min(kKeyBlock, query.n_positions - first);
    const std::uint8_t* keys = query.keys + first * query.key_stride * kElementBytes<kFormat>;
    float scores[kHeads * kKeyBlock];
    std::size_t key = 0;
    for (; key + kKeys <= n; key += kKeys) {
      score_keys<kFormat, kHeads, kKeys>(query, keys + key * query.key_stride * kElementBytes<kFormat>, scores + key);
    }
    for (; key < n; ++key) {
      score_keys<kFormat, kHeads, 1>(query, keys + key * query.key_stride * kElementBytes<kFormat>, scores + key);
    }
    for (std::size_t head = 0; head < kHeads; ++head) {
      float* head_scores = scores + head * kKeyBlock;
      const float block_maximum = std::max(maximum[head], *std::max_element(head_scores, head_scores + n));
      if (block_maximum > maximum[head]) {
        const float factor = std::exp(maximum[head] - block_maximum);
        scale_values(out + head * query.value_dim, factor, query.value_dim);
        sum[head] *= factor;
        maximum[head] = block_maximum;
      }
      sum[head] += exponentiate(head_scores, n, maximum[head]);
    }
    add_all_values<kFormat, kHeads>(query, query.values + first * query.value_stride * kElementBytes<kFormat>, scores,
                                    n, out);
  }
  for (std::size_t head = 0; head < kHeads; ++head) {
    scale_values(out + head * query.value_dim, 1.0F / sum[head], query.value_dim);
  }
}

template <abi::MatrixFormat kFormat>
void attend(const AttentionQuery& query, float* out) {
  static_assert(kMaxJointHeads == 5);
  switch (query.n_heads) {
    case 1:
      return attend_heads<kFormat, 1>(query, out);
    case 2:
      return attend_heads<kFormat, 2>(query, out);
    case 3:
      return attend_heads<kFormat, 3>(query, out);
    case 4:
      return attend_heads<kFormat, 4>(query, out);
    default:
      MARLIN_CHECK(query.n_heads == 5);
      return attend_heads<kFormat, 5>(query, out);
  }
}

void attend_target(const AttentionQuery& query, float* out) {
  if (query.format == abi::MatrixFormat::kF16) return attend<abi::MatrixFormat::kF16>(query, out);
  attend<abi::MatrixFormat::kF32>(query, out);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin::cpu {

HWY_EXPORT(attend_target);

namespace {

/// Groups of joint heads of n heads, the last perhaps smaller.
std::uint32_t joint_groups(std::size_t n_heads) {
  const std::size_t joint = joint_heads(n_heads);
  return static_cast<std::uint32_t>((n_heads + joint - 1) / joint);
}

}  // namespace

std::uint32_t grouped_attention_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::GroupedAttentionArguments*>(arguments);
  return args.n_rows * args.n_kv_heads * joint_groups(args.n_heads / args.n_kv_heads);
}

void grouped_attention(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::GroupedAttentionArguments>();
  const std::size_t dim = args.head_dim;
  const std::size_t kv_stride = args.n_kv_heads * dim;
  const std::size_t element = args.cache_format == abi::MatrixFormat::kF16 ? 2 : 4;
  const std::size_t heads_of_key = args.n_heads / args.n_kv_heads;
  const std::size_t joint = joint_heads(heads_of_key);
  const std::size_t groups_of_key = joint_groups(heads_of_key);
  for (std::size_t item = begin; item < end; ++item) {
    const std::size_t row = item / (args.n_kv_heads * groups_of_key);
    const std::size_t kv_head = item / groups_of_key % args.n_kv_heads;
    const std::size_t first_of_key = item % groups_of_key * joint;
    const std::size_t first = (row * args.n_heads + kv_head * heads_of_key + first_of_key) * dim;
    const AttentionQuery query{.queries = call.binding<const float>(0) + first,
                               .keys = call.binding<const std::uint8_t>(1) + kv_head * dim * element,
                               .values = call.binding<const std::uint8_t>(2) + kv_head * dim * element,
                               .n_heads = std::min(joint, heads_of_key - first_of_key),
                               .key_dim = dim,
                               .value_dim = dim,
                               .key_stride = kv_stride,
                               .value_stride = kv_stride,
                               .n_positions = args.start_position + row + 1,
                               .scale = args.scale,
                               .format = args.cache_format};
    HWY_DYNAMIC_DISPATCH(attend_target)(query, call.binding<float>(3) + first);
  }
}

std::uint32_t latent_attention_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::LatentAttentionArguments*>(arguments);
  return args.n_rows * joint_groups(args.n_heads);
}

void latent_attention(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::LatentAttentionArguments>();
  const std::size_t width = std::size_t{args.rank} + args.rope_dim;
  MARLIN_CHECK(kMaxJointHeads * width * sizeof(float) <= kScratchBytes);
  auto* joined = call.scratch<float>();
  const std::size_t joint = joint_heads(args.n_heads);
  const std::size_t n_groups = joint_groups(args.n_heads);
  for (std::size_t item = begin; item < end; ++item) {
    const std::size_t row = item / n_groups;
    const std::size_t first_head = item % n_groups * joint;
    const std::size_t n_heads = std::min(joint, args.n_heads - first_head);
    for (std::size_t i = 0; i < n_heads; ++i) {
      const std::size_t head = first_head + i;
      const float* latent = call.binding<const float>(0) + (row * args.n_heads + head) * args.rank;
      const float* rotated =
          call.binding<const float>(1) + row * args.q_row_stride + head * args.q_head_stride + args.q_rope_offset;
      std::copy(latent, latent + args.rank, joined + i * width);
      std::copy(rotated, rotated + args.rope_dim, joined + i * width + args.rank);
    }
    const auto* cache = call.binding<const std::uint8_t>(2);
    const AttentionQuery query{.queries = joined,
                               .keys = cache,
                               .values = cache,
                               .n_heads = n_heads,
                               .key_dim = width,
                               .value_dim = args.rank,
                               .key_stride = width,
                               .value_stride = width,
                               .n_positions = args.start_position + row + 1,
                               .scale = args.scale,
                               .format = args.cache_format};
    HWY_DYNAMIC_DISPATCH(attend_target)
    (query, call.binding<float>(3) + (row * args.n_heads + first_head) * args.rank);
  }
}

}  // namespace marlin::cpu
#endif
