// SPDX-License-Identifier: Apache-2.0
// The tokens of a sample_f32 (abi/sample.h) as its blocks see them: in groups of kGroupTokens, four tokens to a lane of
// a warp. Of every group its best token and the mass of its weights are kept, so that whatever is searched for later,
// only the groups that can hold it are looked at again.
//
// A token's rank is its key in the order of logits and then its id, as one number: smaller is better, no two are equal.
// Logits are read past the first cache: other blocks may have changed them.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "abi/sample.h"
#include "abi/sample_math.h"
#include "backends/cuda/kernels/load.h"
#include "backends/cuda/kernels/reduce.h"

namespace marlin::cuda {

inline constexpr std::uint32_t kSampleThreads = 1024;
inline constexpr std::uint32_t kSampleWarps = kSampleThreads / kWarpSize;
inline constexpr std::uint32_t kLaneTokens = 4;
inline constexpr std::uint32_t kGroupTokens = kLaneTokens * kWarpSize;
inline constexpr std::uint64_t kNoRank = ~std::uint64_t{0};  // of what is no token
inline constexpr std::uint64_t kLastRank = kNoRank - 1;

__device__ inline std::uint64_t rank_of(std::uint32_t key, std::uint32_t token) {
  return std::uint64_t{key} << 32U | token;
}
__device__ inline std::uint32_t key_of(std::uint64_t rank) { return static_cast<std::uint32_t>(rank >> 32U); }
__device__ inline std::uint32_t token_of(std::uint64_t rank) { return static_cast<std::uint32_t>(rank); }

/// What the launch leaves in scratch for its last block: of each group, and of each block.
struct SampleRecords {
  std::uint64_t* best;      // [n_groups] rank of the best token
  std::uint64_t* mass;      // [n_groups] sum of the weights of those kept
  std::uint32_t* best_key;  // [n_blocks] the best of all when the masses of its groups were measured

  static constexpr std::uint64_t bytes(std::uint32_t n_groups, std::uint32_t n_blocks) {
    return std::uint64_t{n_groups} * 16 + std::uint64_t{n_blocks} * 4;
  }

  __device__ SampleRecords(std::byte* scratch, std::uint32_t n_groups)
      : best(reinterpret_cast<std::uint64_t*>(scratch)),
        mass(best + n_groups),
        best_key(reinterpret_cast<std::uint32_t*>(mass + n_groups)) {}
};

/// What token_weight() needs.
struct Weigher {
  float max;
  float scale;
  float limit;
  std::uint32_t factor;

  __device__ std::uint64_t weigh(float logit) const { return abi::token_weight(max, logit, scale, limit, factor); }
};

/// A lane's tokens of a group: token .. token + 3. Behind the last of all lie -infinities, which are no tokens.
struct LaneTokens {
  std::uint32_t token;
  float logits[kLaneTokens];
};

struct SampleTokens {
  float* logits;
  std::uint32_t n;
  std::uint32_t n_groups;
  bool vectors;  // whether four logits may be loaded at once

  __device__ LaneTokens load(std::uint32_t group) const {
    LaneTokens lane{group * kGroupTokens + lane_index() * kLaneTokens, {}};
    if (vectors && lane.token + kLaneTokens <= n) {
      const float4 four = __ldcg(reinterpret_cast<const float4*>(logits + lane.token));
      lane.logits[0] = four.x;
      lane.logits[1] = four.y;
      lane.logits[2] = four.z;
      lane.logits[3] = four.w;
      return lane;
    }
#pragma unroll
    for (std::uint32_t i = 0; i < kLaneTokens; ++i) {
      lane.logits[i] =
          lane.token + i < n ? __ldcg(logits + lane.token + i) : abi::float_of_bits(abi::kNegativeInfinityBits);
    }
    return lane;
  }

  __device__ std::uint64_t rank(const LaneTokens& lane, std::uint32_t i) const {
    return lane.token + i < n ? rank_of(abi::logit_key(lane.logits[i]), lane.token + i) : kNoRank;
  }

  /// The best rank of a group, in all lanes.
  __device__ std::uint64_t best(const LaneTokens& lane) const {
    std::uint64_t best = kNoRank;
#pragma unroll
    for (std::uint32_t i = 0; i < kLaneTokens; ++i) best = Min{}(best, rank(lane, i));
    return warp_reduce(best, Min{});
  }

  /// Calls visit(group) for every group for which needed(group), each by a whole warp. All threads of the block call.
  template <typename Needed, typename Visit>
  __device__ void for_groups(Needed needed, Visit visit) const {
    for (std::uint32_t first = 0; first < n_groups; first += kSampleThreads) {
      // neighbours are different warps' groups: what is needed mostly lies together
      const std::uint32_t mine = first + lane_index() * kSampleWarps + warp_index();
      std::uint32_t lanes = __ballot_sync(kAllLanes, mine < n_groups && needed(mine));
      for (; lanes != 0; lanes &= lanes - 1) {
        visit(first + static_cast<std::uint32_t>(__ffs(static_cast<int>(lanes)) - 1) * kSampleWarps + warp_index());
      }
    }
  }
};

/// Which tokens may be drawn.
struct Kept {
  std::uint64_t last;        // none behind this rank
  std::uint64_t min_weight;  // none that weighs less

  __device__ std::uint64_t mass(std::uint64_t rank, float logit, const Weigher& weigher) const {
    if (rank > last) return 0;
    const std::uint64_t weight = weigher.weigh(logit);
    return weight >= min_weight ? weight : 0;
  }
};

/// The sum over a lane's tokens.
__device__ inline std::uint64_t lane_mass(const LaneTokens& lane, const SampleTokens& tokens, const Kept& kept,
                                          const Weigher& weigher) {
  std::uint64_t sum = 0;
#pragma unroll
  for (std::uint32_t i = 0; i < kLaneTokens; ++i) {
    sum += kept.mass(tokens.rank(lane, i), lane.logits[i], weigher);
  }
  return sum;
}

/// The last key whose weight is at least `bound`, which the best key's is. By a whole warp.
__device__ inline std::uint32_t last_key_of_weight(std::uint64_t bound, std::uint32_t best_key,
                                                   const Weigher& weigher) {
  std::uint32_t reaches = best_key;
  std::uint32_t fails = abi::kNegativeInfinityBits;  // the key of -infinity
  while (fails - reaches > 1) {
    const std::uint32_t step = (fails - reaches + kWarpSize) / (kWarpSize + 1);
    const std::uint32_t probe = reaches + (lane_index() + 1) * step;
    const bool holds = probe < fails && weigher.weigh(abi::logit_of_key(probe)) >= bound;
    reaches += static_cast<std::uint32_t>(__popc(__ballot_sync(kAllLanes, holds))) * step;
    fails = Min{}(fails, reaches + step);
  }
  return reaches;
}

}  // namespace marlin::cuda
