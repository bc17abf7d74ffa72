// SPDX-License-Identifier: Apache-2.0
// The cut that a filter of sample_f32 makes through the ranks of tokens: histograms over what is left of the range,
// finer and finer, until the bucket that holds the cut has few ranks; those are compared each with each. All counts and
// sums are integers, so that no order of threads matters. For a block of kSampleThreads threads, all of which call.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "backends/cuda/kernels/reduce.h"
#include "backends/cuda/kernels/sample_tokens.h"

namespace marlin::cuda {

inline constexpr std::uint32_t kBucketBits = 10;
inline constexpr std::uint32_t kBuckets = 1U << kBucketBits;  // one per thread
static_assert(kBuckets == kSampleThreads);

inline constexpr std::uint32_t kPartners = 4;  // threads that compare a rank with all others
inline constexpr std::uint32_t kFew = kSampleThreads / kPartners;

struct SearchMemory {
  // Sums of 64 bits in two words: shared memory adds no more at once.
  std::uint32_t low[kBuckets];
  std::uint32_t high[kBuckets];
  std::uint32_t counts[kBuckets];
  std::uint64_t few_ranks[kFew];
  std::uint64_t few_measures[kFew];
  std::uint64_t partial[kMaxWarps];
  std::uint32_t n_few;
  // The bucket with the cut.
  std::uint32_t bucket;
  std::uint32_t count;
  std::uint64_t before;  // sum of the buckets before it
  std::uint64_t cut;
};

/// The sum over the block, by all threads; ends with a barrier.
__device__ inline std::uint64_t sum_over_block(std::uint64_t value, SearchMemory& memory) {
  const std::uint64_t sum = block_reduce(value, std::uint64_t{0}, memory.partial, Add{});
  __syncthreads();
  return sum;
}

__device__ inline void add_to_bucket(SearchMemory& memory, std::uint32_t bucket, std::uint64_t measure) {
  const auto low = static_cast<std::uint32_t>(measure);
  const std::uint32_t before = atomicAdd(&memory.low[bucket], low);
  const std::uint32_t high = static_cast<std::uint32_t>(measure >> 32U) + (before + low < low ? 1U : 0U);
  if (high != 0) atomicAdd(&memory.high[bucket], high);
  atomicAdd(&memory.counts[bucket], 1U);
}

/// Bits that numbers up to n have.
__device__ inline std::uint32_t bit_width(std::uint64_t n) {
  const auto high = static_cast<std::uint32_t>(n >> 32U);
  return high != 0 ? 64 - static_cast<std::uint32_t>(__clz(static_cast<int>(high)))
                   : 32 - static_cast<std::uint32_t>(__clz(static_cast<int>(static_cast<std::uint32_t>(n))));
}

/// Finds the bucket in which the running sum reaches `target`; leaves it in memory, behind a barrier.
__device__ inline void find_bucket(std::uint64_t target, SearchMemory& memory) {
  __syncthreads();  // all have added
  const std::uint64_t inside = (std::uint64_t{memory.high[threadIdx.x]} << 32U) + memory.low[threadIdx.x];
  const std::uint64_t before = block_sum_before(inside, memory.partial);
  if (before < target && target <= before + inside) {
    memory.bucket = threadIdx.x;
    memory.count = memory.counts[threadIdx.x];
    memory.before = before;
  }
  __syncthreads();
}

/// Of the few ranks in memory, that at which the running sum reaches `target`.
__device__ inline std::uint64_t find_among_few(std::uint64_t target, SearchMemory& memory) {
  const std::uint32_t entry = threadIdx.x / kPartners;
  const std::uint32_t n = memory.n_few;
  const std::uint64_t rank = entry < n ? memory.few_ranks[entry] : 0;
  std::uint64_t before = 0;
  for (std::uint32_t i = threadIdx.x % kPartners; i < n; i += kPartners) {
    if (memory.few_ranks[i] < rank) before += memory.few_measures[i];
  }
  before = warp_reduce<kPartners>(before, Add{});
  if (entry < n && before < target && target <= before + memory.few_measures[entry]) memory.cut = rank;
  __syncthreads();
  return memory.cut;
}

/// The last rank of the shortest run of ranks, from the best on, whose measures add up to `target`, from 1 to the sum
/// of all. `source` knows the ranks: source.visit(first, last, f) calls f(rank, measure) for each from first to last,
/// among all threads of the block; the run ends from `first` to `last`, and nothing measurable is before `first`.
template <typename Source>
__device__ std::uint64_t find_cut(const Source& source, std::uint64_t first, std::uint64_t last, std::uint64_t target,
                                  SearchMemory& memory) {
  for (;;) {
    const std::uint32_t bits = bit_width(last - first);
    const std::uint32_t shift = bits > kBucketBits ? bits - kBucketBits : 0;
    memory.low[threadIdx.x] = 0;
    memory.high[threadIdx.x] = 0;
    memory.counts[threadIdx.x] = 0;
    if (threadIdx.x == 0) memory.n_few = 0;
    __syncthreads();
    source.visit(first, last, [&](std::uint64_t rank, std::uint64_t measure) {
      add_to_bucket(memory, static_cast<std::uint32_t>((rank - first) >> shift), measure);
    });
    find_bucket(target, memory);
    target -= memory.before;
    first += std::uint64_t{memory.bucket} << shift;
    if (shift == 0) return first;
    last = Min{}(last, first + ((std::uint64_t{1} << shift) - 1));
    if (memory.count > kFew) continue;
    source.visit(first, last, [&](std::uint64_t rank, std::uint64_t measure) {
      const std::uint32_t entry = atomicAdd(&memory.n_few, 1U);
      memory.few_ranks[entry] = rank;
      memory.few_measures[entry] = measure;
    });
    __syncthreads();
    return find_among_few(target, memory);
  }
}

}  // namespace marlin::cuda
