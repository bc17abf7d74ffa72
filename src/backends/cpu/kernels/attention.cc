// SPDX-License-Identifier: Apache-2.0
// Attention of one query over a cache, for both kinds: an item is a (row, head). Keys are met in blocks of 64 with a
// running maximum, so the memory needed does not depend on the context; blocks start at position 0, so a row's result
// does not depend on how the prompt was cut into chunks.
#include "abi/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/cpu/kernels/kernels.h"
#include "base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/attention.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/cpu/kernels/attention_query.h"
#include "backends/cpu/kernels/load-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

constexpr std::size_t kKeyBlock = 64;

HWY_INLINE void scale_values(float* values, float factor, std::size_t n) {
  const hn::ScalableTag<float> d;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(hn::Mul(hn::LoadU(d, values + i), hn::Set(d, factor)), d, values + i);
  }
  for (; i < n; ++i) values[i] *= factor;
}

template <abi::MatrixFormat kFormat>
void attend(const AttentionQuery& query, float* out) {
  float maximum = -std::numeric_limits<float>::infinity();
  float sum = 0.0F;
  std::fill(out, out + query.value_dim, 0.0F);
  for (std::size_t first = 0; first < query.n_positions; first += kKeyBlock) {
    const std::size_t n = std::min(kKeyBlock, query.n_positions - first);
    float scores[kKeyBlock];
    float block_maximum = maximum;
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint8_t* key = query.keys + (first + i) * query.key_stride * kElementBytes<kFormat>;
      scores[i] = dot<kFormat>(key, query.query, query.key_dim) * query.scale;
      block_maximum = std::max(block_maximum, scores[i]);
    }
    if (block_maximum > maximum) {
      const float factor = std::exp(maximum - block_maximum);
      scale_values(out, factor, query.value_dim);
      sum *= factor;
      maximum = block_maximum;
    }
    for (std::size_t i = 0; i < n; ++i) {
      const float weight = std::exp(scores[i] - maximum);
      sum += weight;
      const std::uint8_t* value = query.values + (first + i) * query.value_stride * kElementBytes<kFormat>;
      add_scaled<kFormat>(value, weight, out, query.value_dim);
    }
  }
  scale_values(out, 1.0F / sum, query.value_dim);
}

void attend_target(const AttentionQuery& query, float* out) {
  if (query.format == abi::MatrixFormat::kF16) return attend<abi::MatrixFormat::kF16>(query, out);
  attend<abi::MatrixFormat::kF32>(query, out);
}

/// out[rank] = sum over i of x[i] * rows[i][rank].
template <abi::MatrixFormat kFormat>
void combine_rows(const std::uint8_t* rows, const float* x, std::size_t n, std::size_t rank, float* out) {
  std::fill(out, out + rank, 0.0F);
  for (std::size_t i = 0; i < n; ++i) add_scaled<kFormat>(rows + i * rank * kElementBytes<kFormat>, x[i], out, rank);
}

/// out[i] = rows[i] . x[rank].
template <abi::MatrixFormat kFormat>
void dot_with_rows(const std::uint8_t* rows, const float* x, std::size_t n, std::size_t rank, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = dot<kFormat>(rows + i * rank * kElementBytes<kFormat>, x, rank);
}

/// The key (or value) rows of one head of kv_b.
template <abi::MatrixFormat kFormat>
const std::uint8_t* head_rows(const abi::LatentProjectionArguments& args, std::size_t head, std::size_t first_row) {
  const std::size_t row = head * (std::size_t{args.nope_dim} + args.value_dim) + first_row;
  return reinterpret_cast<const std::uint8_t*>(args.kv_b) + row * args.rank * kElementBytes<kFormat>;
}

template <abi::MatrixFormat kFormat>
void project_query(const abi::LatentProjectionArguments& args, std::size_t head, const float* q, float* query) {
  const std::uint8_t* rows = head_rows<kFormat>(args, head, 0);
  for (std::size_t row = 0; row < args.n_rows; ++row) {
    combine_rows<kFormat>(rows, q + row * args.q_row_stride + head * args.q_head_stride, args.nope_dim, args.rank,
                          query + (row * args.n_heads + head) * args.rank);
  }
}

template <abi::MatrixFormat kFormat>
void project_value(const abi::LatentProjectionArguments& args, std::size_t head, const float* latent, float* out) {
  const std::uint8_t* rows = head_rows<kFormat>(args, head, args.nope_dim);
  for (std::size_t row = 0; row < args.n_rows; ++row) {
    const std::size_t index = row * args.n_heads + head;
    dot_with_rows<kFormat>(rows, latent + index * args.rank, args.value_dim, args.rank, out + index * args.value_dim);
  }
}

void project_query_target(const abi::LatentProjectionArguments& args, std::size_t head, const float* in, float* out) {
  if (args.format == abi::MatrixFormat::kF32) return project_query<abi::MatrixFormat::kF32>(args, head, in, out);
  if (args.format == abi::MatrixFormat::kF16) return project_query<abi::MatrixFormat::kF16>(args, head, in, out);
  project_query<abi::MatrixFormat::kBf16>(args, head, in, out);
}

void project_value_target(const abi::LatentProjectionArguments& args, std::size_t head, const float* in, float* out) {
  if (args.format == abi::MatrixFormat::kF32) return project_value<abi::MatrixFormat::kF32>(args, head, in, out);
  if (args.format == abi::MatrixFormat::kF16) return project_value<abi::MatrixFormat::kF16>(args, head, in, out);
  project_value<abi::MatrixFormat::kBf16>(args, head, in, out);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin::cpu {

HWY_EXPORT(attend_target);
HWY_EXPORT(project_query_target);
HWY_EXPORT(project_value_target);

std::uint32_t grouped_attention_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::GroupedAttentionArguments*>(arguments);
  return args.n_rows * args.n_heads;
}

void grouped_attention(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::GroupedAttentionArguments>();
  const std::size_t dim = args.head_dim;
  const std::size_t kv_stride = args.n_kv_heads * dim;
  const std::size_t element = args.cache_format == abi::MatrixFormat::kF16 ? 2 : 4;
  for (std::size_t item = begin; item < end; ++item) {
    const std::size_t row = item / args.n_heads;
    const std::size_t kv_head = item % args.n_heads / (args.n_heads / args.n_kv_heads);
    const AttentionQuery query{.query = call.binding<const float>(0) + item * dim,
                               .keys = call.binding<const std::uint8_t>(1) + kv_head * dim * element,
                               .values = call.binding<const std::uint8_t>(2) + kv_head * dim * element,
                               .key_dim = dim,
                               .value_dim = dim,
                               .key_stride = kv_stride,
                               .value_stride = kv_stride,
                               .n_positions = args.start_position + row + 1,
                               .scale = args.scale,
                               .format = args.cache_format};
    HWY_DYNAMIC_DISPATCH(attend_target)(query, call.binding<float>(3) + item * dim);
  }
}

std::uint32_t latent_attention_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::LatentAttentionArguments*>(arguments);
  return args.n_rows * args.n_heads;
}

void latent_attention(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::LatentAttentionArguments>();
  const std::size_t width = std::size_t{args.rank} + args.rope_dim;
  MARLIN_CHECK(width * sizeof(float) <= kScratchBytes);
  auto* joined = call.scratch<float>();
  for (std::size_t item = begin; item < end; ++item) {
    const std::size_t row = item / args.n_heads;
    const std::size_t head = item % args.n_heads;
    const float* latent = call.binding<const float>(0) + item * args.rank;
    const float* rotated =
        call.binding<const float>(1) + row * args.q_row_stride + head * args.q_head_stride + args.q_rope_offset;
    std::copy(latent, latent + args.rank, joined);
    std::copy(rotated, rotated + args.rope_dim, joined + args.rank);
    const auto* cache = call.binding<const std::uint8_t>(2);
    const AttentionQuery query{.query = joined,
                               .keys = cache,
                               .values = cache,
                               .key_dim = width,
                               .value_dim = args.rank,
                               .key_stride = width,
                               .value_stride = width,
                               .n_positions = args.start_position + row + 1,
                               .scale = args.scale,
                               .format = args.cache_format};
    HWY_DYNAMIC_DISPATCH(attend_target)(query, call.binding<float>(3) + item * args.rank);
  }
}

std::uint32_t latent_query_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::LatentProjectionArguments*>(arguments);
  return args.n_rows == 0 ? 0 : args.n_heads;
}

void latent_query(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  for (std::uint32_t head = begin; head < end; ++head) {
    HWY_DYNAMIC_DISPATCH(project_query_target)
    (call.arguments<abi::LatentProjectionArguments>(), head, call.binding<const float>(0), call.binding<float>(1));
  }
}

std::uint32_t latent_value_items(const std::byte* arguments) { return latent_query_items(arguments); }

void latent_value(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  for (std::uint32_t head = begin; head < end; ++head) {
    HWY_DYNAMIC_DISPATCH(project_value_target)
    (call.arguments<abi::LatentProjectionArguments>(), head, call.binding<const float>(0), call.binding<float>(1));
  }
}

}  // namespace marlin::cpu
#endif
