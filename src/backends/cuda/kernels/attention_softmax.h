// SPDX-License-Identifier: Apache-2.0
// The softmax between the two products of attention: scores of a tile become weights, relative to the running maximum
// of the span. Eight lanes have a row, and eight keys of a tile each.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "backends/cuda/kernels/attention_shape.h"
#include "backends/cuda/kernels/reduce.h"
#include "backends/cuda/kernels/split_halves.h"

namespace marlin::cuda {

template <typename Shape>
class RowSoftmax {
 public:
  __device__ void begin_span() {
#pragma unroll
    for (SoftmaxSum& span : span_) span = SoftmaxSum{};
  }

  /// Replaces the scores of keys first .. + kKeyTile by weights; those of keys that a row does not see are 0, and a
  /// tile of these alone changes nothing. At the end of a span, also joins it to those before.
  __device__ void weigh(std::byte* scores, RowNumbers<Shape::kRows>& numbers, std::uint32_t first, bool ends_span) {
#pragma unroll
    for (int pass = 0; pass < Shape::kPasses; ++pass) {
      const std::uint32_t row = row_of(pass);
      if (row >= Shape::kRows) return;  // a whole warp
      weigh_row(scores + row * Shape::kScoreStride, numbers, row, first, span_[pass]);
      if (ends_span) end_span(numbers, row, pass);
    }
  }

  /// visit(row, the sum of its last span), by one lane of each row.
  template <typename Visit>
  __device__ void visit_spans(Visit visit) const {
#pragma unroll
    for (int pass = 0; pass < Shape::kPasses; ++pass) {
      if (row_of(pass) < Shape::kRows && threadIdx.x % 8 == 0) visit(row_of(pass), span_[pass]);
    }
  }

 private:
  __device__ static std::uint32_t row_of(int pass) { return pass * 32 + threadIdx.x / 8; }

  __device__ static void weigh_row(std::byte* scores, RowNumbers<Shape::kRows>& numbers, std::uint32_t row,
                                   std::uint32_t first, SoftmaxSum& span) {
    const std::uint32_t lane = threadIdx.x % 8;
    const std::uint32_t n_positions = numbers.n_positions[row];
    const float multiplier = numbers.multiplier[row];
    float x[8];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float4 four = *reinterpret_cast<const float4*>(scores + half * 128 + lane * 16);
      const float of_keys[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const bool is_seen = first + half * 32 + lane * 4 + i < n_positions;
        x[half * 4 + i] = is_seen ? of_keys[i] * multiplier : -INFINITY;
      }
    }
    float maximum = span.maximum;
#pragma unroll
    for (const float score : x) maximum = fmaxf(maximum, score);
    maximum = warp_reduce<8>(maximum, HigherScore{});
    const float reference = softmax_reference(maximum);
    const float rescale = exp2f(span.maximum - reference);
#pragma unroll
    for (float& score : x) score = exp2f(score - reference);
    const float added = ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
    span = {maximum, __fmaf_rn(span.sum, rescale, added)};
    __syncwarp();  // all scores of the row are read
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      *reinterpret_cast<uint2*>(scores + half * 64 + lane * 8) =
          make_uint2(bits_of(__floats2half2_rn(x[half * 4], x[half * 4 + 1])),
                     bits_of(__floats2half2_rn(x[half * 4 + 2], x[half * 4 + 3])));
    }
    if (lane == 0) numbers.rescale[row] = rescale;
  }

  __device__ void end_span(RowNumbers<Shape::kRows>& numbers, std::uint32_t row, int pass) {
    span_[pass].sum = warp_reduce<8>(span_[pass].sum, Add{});
    const JoinFactors factors = join_span(all_[pass], span_[pass]);
    if (threadIdx.x % 8 != 0) return;
    numbers.join[row] = factors;
    numbers.inverse[row] = 1.0F / all_[pass].sum;
  }

  SoftmaxSum span_[Shape::kPasses];  // its sum is this lane's alone until the span ends
  SoftmaxSum all_[Shape::kPasses];
};

}  // namespace marlin::cuda
