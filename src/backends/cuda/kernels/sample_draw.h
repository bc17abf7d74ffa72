// SPDX-License-Identifier: Apache-2.0
// The draw of sample_f32, by the last of its blocks: top-k, top-p and the random number, over the records of groups and
// over the tokens of those groups that matter. All threads of the block call. Between calls there is always a barrier.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "abi/sample.h"
#include "abi/sample_math.h"
#include "backends/cuda/kernels/reduce.h"
#include "backends/cuda/kernels/sample_search.h"
#include "backends/cuda/kernels/sample_tokens.h"

namespace marlin::cuda {

/// What the last block looks at.
struct Draw {
  const abi::SampleArguments& arguments;
  SampleTokens tokens;
  SampleRecords records;
  Weigher weigher;
  std::uint64_t best;  // rank
};

/// The best tokens of the groups, one each; see find_cut().
struct GroupBests {
  const Draw& draw;

  template <typename F>
  __device__ void visit(std::uint64_t first, std::uint64_t last, F f) const {
    for (std::uint32_t group = threadIdx.x; group < draw.tokens.n_groups; group += kSampleThreads) {
      const std::uint64_t rank = __ldcg(draw.records.best + group);
      if (first <= rank && rank <= last) f(rank, std::uint64_t{1});
    }
  }
};

/// All tokens, which measure 1 each, or those kept, which measure their weights.
struct TokenRanks {
  const Draw& draw;
  Kept kept;
  bool counts;

  template <typename F>
  __device__ void visit(std::uint64_t first, std::uint64_t last, F f) const {
    const auto can_hold = [&](std::uint32_t group) { return __ldcg(draw.records.best + group) <= last; };
    draw.tokens.for_groups(can_hold, [&](std::uint32_t group) {
      const LaneTokens lane = draw.tokens.load(group);
#pragma unroll
      for (std::uint32_t i = 0; i < kLaneTokens; ++i) {
        const std::uint64_t rank = draw.tokens.rank(lane, i);
        if (rank < first || rank > last) continue;
        const std::uint64_t measure = counts ? 1 : kept.mass(rank, lane.logits[i], draw.weigher);
        if (measure != 0) f(rank, measure);
      }
    });
  }
};

/// Writes down the masses of the groups for which needed(group).
template <typename Needed>
__device__ void measure_groups(const Draw& draw, const Kept& kept, Needed needed) {
  draw.tokens.for_groups(needed, [&](std::uint32_t group) {
    const LaneTokens lane = draw.tokens.load(group);
    const std::uint64_t mass = warp_reduce(lane_mass(lane, draw.tokens, kept, draw.weigher), Add{});
    if (lane_index() == 0) draw.records.mass[group] = mass;
  });
  __syncthreads();
}

/// Of all groups, after `kept` has changed.
__device__ inline void measure_kept(const Draw& draw, const Kept& kept) {
  const auto has_kept = [&](std::uint32_t group) { return __ldcg(draw.records.best + group) <= kept.last; };
  for (std::uint32_t group = threadIdx.x; group < draw.tokens.n_groups; group += kSampleThreads) {
    if (!has_kept(group)) draw.records.mass[group] = 0;
  }
  measure_groups(draw, kept, has_kept);
}

/// The masses of the groups that this thread adds up: neighbours, so that threads are in the order of tokens.
struct MassRun {
  std::uint32_t first;
  std::uint32_t end;
  std::uint64_t sum;

  __device__ explicit MassRun(const Draw& draw) : sum(0) {
    const std::uint32_t n = draw.tokens.n_groups;
    const std::uint32_t n_per_thread = (n + kSampleThreads - 1) / kSampleThreads;
    first = Min{}(n, threadIdx.x * n_per_thread);
    end = Min{}(n, first + n_per_thread);
    for (std::uint32_t group = first; group < end; ++group) sum += __ldcg(draw.records.mass + group);
  }
};

__device__ inline std::uint64_t total_mass(const Draw& draw, SearchMemory& memory) {
  return sum_over_block(MassRun(draw).sum, memory);
}

/// The rank of the k-th best token of all.
__device__ inline std::uint64_t top_k_cut(const Draw& draw, SearchMemory& memory) {
  const std::uint64_t k = draw.arguments.top_k;
  // The k best groups hold k tokens at least as good as the best of the k-th of them.
  const std::uint64_t last =
      k <= draw.tokens.n_groups ? find_cut(GroupBests{draw}, draw.best, kLastRank, k, memory) : kLastRank;
  return find_cut(TokenRanks{draw, {}, true}, draw.best, last, k, memory);
}

/// The rank of the last token of the nucleus of what is kept, whose mass is `total`.
__device__ inline std::uint64_t top_p_cut(const Draw& draw, const Kept& kept, std::uint64_t total,
                                          SearchMemory& memory) {
  const std::uint64_t target = abi::top_p_target(total, draw.arguments.top_p);
  // Tokens below this weight are together less than what may be left out.
  const std::uint64_t bound = Max{}(kept.min_weight, (total - target) / draw.tokens.n);
  const std::uint32_t last_key = last_key_of_weight(bound, key_of(draw.best), draw.weigher);
  const std::uint64_t last = Min{}(kept.last, rank_of(last_key, 0xFFFFFFFFU));
  return find_cut(TokenRanks{draw, kept, false}, draw.best, last, target, memory);
}

/// Writes the token at which the running sum of the masses, in order of ids, reaches `target`. No barrier follows.
__device__ inline void find_token(const Draw& draw, const Kept& kept, std::uint64_t target, std::int32_t* token,
                                  SearchMemory& memory) {
  const MassRun run(draw);
  std::uint64_t before = block_sum_before(run.sum, memory.partial);
  if (before < target && target <= before + run.sum) {
    std::uint32_t group = run.first;
    for (; before + __ldcg(draw.records.mass + group) < target; ++group) before += __ldcg(draw.records.mass + group);
    memory.bucket = group;
    memory.before = before;
  }
  __syncthreads();
  if (warp_index() != 0) return;
  const LaneTokens lane = draw.tokens.load(memory.bucket);
  const std::uint64_t sum = lane_mass(lane, draw.tokens, kept, draw.weigher);
  before = memory.before + warp_sum_before(sum);
  if (target <= before || before + sum < target) return;
#pragma unroll
  for (std::uint32_t i = 0; i < kLaneTokens; ++i) {
    const std::uint64_t mass = kept.mass(draw.tokens.rank(lane, i), lane.logits[i], draw.weigher);
    if (before < target && target <= before + mass) *token = static_cast<std::int32_t>(lane.token + i);
    before += mass;
  }
}

/// Chooses from the tokens that min-p, top-k and top-p leave; `random` is the next 64 bits. `is_measured(group)`:
/// whether the record of its mass, all filters but min-p off, is right.
template <typename IsMeasured>
__device__ void draw_token(const Draw& draw, std::uint64_t random, IsMeasured is_measured, std::int32_t* token,
                           SearchMemory& memory) {
  Kept kept{kLastRank, draw.arguments.min_weight};
  if (draw.arguments.top_k != 0) {
    kept.last = top_k_cut(draw, memory);
    measure_kept(draw, kept);
  } else {
    measure_groups(draw, kept, [&](std::uint32_t group) { return !is_measured(group); });
  }
  std::uint64_t total = total_mass(draw, memory);
  if (draw.arguments.top_p != 0) {
    kept.last = top_p_cut(draw, kept, total, memory);
    measure_kept(draw, kept);
    total = total_mass(draw, memory);
  }
  find_token(draw, kept, abi::random_below(random, total) + 1, token, memory);
}

}  // namespace marlin::cuda
