// SPDX-License-Identifier: Apache-2.0
// How the context of a row is cut into spans, and how their results are put together.
//
// What is computed for a row depends on its position alone. Positions are cut from 0 on into spans, each into tiles of
// kKeyTile; within a span the sums of tiles follow one another with a running maximum, and the spans' sums are joined
// in order. Whether one block walks all spans of a row or each is the work of another, the operations and their order
// are the same, and so are the bits. Spans of longer contexts are longer, so that a row never has more than kMaxSpans.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace marlin::cuda {

inline constexpr std::uint32_t kKeyTile = 64;
inline constexpr std::uint32_t kMaxSpans = 16;
inline constexpr std::uint32_t kShortestSpan = 128;

/// Positions of a span: a power of two.
__device__ inline std::uint32_t span_length(std::uint32_t n_positions) {
  const std::uint32_t least = (n_positions + kMaxSpans - 1) / kMaxSpans;
  return least <= kShortestSpan ? kShortestSpan : 1U << (32 - __clz(static_cast<int>(least - 1)));
}

__device__ inline std::uint32_t span_count(std::uint32_t n_positions, std::uint32_t length) {
  return (n_positions + length - 1) / length;
}

/// The sum of exp2(score - maximum) over some keys. A maximum of -infinity stands for no key.
struct SoftmaxSum {
  float maximum = -INFINITY;
  float sum = 0.0F;
};

/// Of two scores. One that is NaN does not count here: it spoils the sums.
struct HigherScore {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

/// What exponents are taken relative to, so that keys without weight have weight 0, not NaN.
__device__ inline float softmax_reference(float maximum) { return maximum == -INFINITY ? 0.0F : maximum; }

/// What weighted sums of values are multiplied by when those of a span are added to what was before.
struct JoinFactors {
  float keep;
  float add;
};

__device__ inline JoinFactors join_span(SoftmaxSum& all, SoftmaxSum span) {
  const float maximum = fmaxf(all.maximum, span.maximum);
  const float reference = softmax_reference(maximum);
  const JoinFactors factors = {exp2f(all.maximum - reference), exp2f(span.maximum - reference)};
  all.sum = __fmaf_rn(all.sum, factors.keep, span.sum * factors.add);
  all.maximum = maximum;
  return factors;
}

/// The same for an element of the weighted sums.
__device__ inline float join_value(float all, float span, JoinFactors factors) {
  return __fmaf_rn(all, factors.keep, span * factors.add);
}

}  // namespace marlin::cuda
