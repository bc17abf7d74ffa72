// SPDX-License-Identifier: Apache-2.0
// Sums and maxima over warps and over thread blocks of whole warps. All lanes of a warp call, for a block all of its
// threads, and all get the same bits: sums are trees of pairs, in an order that depends on the number of warps alone.
//
// A reduction of a block has one barrier. `partial` is shared memory for kMaxWarps values; before its next use there
// has to be another barrier.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace marlin::cuda {

inline constexpr std::uint32_t kWarpSize = 32;
inline constexpr std::uint32_t kMaxWarps = 32;  // of a block of 1024 threads
inline constexpr std::uint32_t kAllLanes = 0xFFFFFFFFU;

__device__ inline std::uint32_t lane_index() { return threadIdx.x % kWarpSize; }
__device__ inline std::uint32_t warp_index() { return threadIdx.x / kWarpSize; }

struct Add {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

struct Min {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};

/// Of floats a NaN is as good as any number, or lost: do not rely on it.
struct Max {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};

/// Over groups of kLanes neighbouring lanes, a power of two. `combine` must not care for the order of its two operands.
template <std::uint32_t kLanes = kWarpSize, typename T, typename Combine>
__device__ inline T warp_reduce(T value, Combine combine) {
#pragma unroll
  for (std::uint32_t distance = kLanes / 2; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(kAllLanes, value, static_cast<int>(distance)));
  }
  return value;
}

template <typename T, typename Combine>
__device__ inline T block_reduce(T value, T neutral, T* partial, Combine combine) {
  const T of_warp = warp_reduce(value, combine);
  if (lane_index() == 0) partial[warp_index()] = of_warp;
  __syncthreads();
  return warp_reduce(lane_index() < blockDim.x / kWarpSize ? partial[lane_index()] : neutral, combine);
}

__device__ inline float warp_sum(float value) { return warp_reduce(value, Add{}); }
__device__ inline float warp_max(float value) { return warp_reduce(value, Max{}); }

__device__ inline float block_sum(float value, float* partial) { return block_reduce(value, 0.0F, partial, Add{}); }

/// Of a warp's values: the sum over the lanes before this one.
template <typename T>
__device__ inline T warp_sum_before(T value) {
  T sum = value;
#pragma unroll
  for (std::uint32_t distance = 1; distance < kWarpSize; distance *= 2) {
    const T other = __shfl_up_sync(kAllLanes, sum, distance);
    if (lane_index() >= distance) sum += other;
  }
  return sum - value;
}

/// Of a block's values: the sum over the threads before this one. One barrier, as of a reduction.
template <typename T>
__device__ inline T block_sum_before(T value, T* partial) {
  const T before = warp_sum_before(value);
  if (lane_index() == kWarpSize - 1) partial[warp_index()] = before + value;
  __syncthreads();
  return before + warp_reduce(lane_index() < warp_index() ? partial[lane_index()] : T{}, Add{});
}

}  // namespace marlin::cuda
