// SPDX-License-Identifier: Apache-2.0
// sample_f32 (abi/sample.h): the token of the cpu's sampler (src/sampling) to the bit, by other means. Every block
// looks at its own part of the vocabulary once: biases, penalties, the best token. The last block to be done makes the
// choice.
//
// Weights are relative to the best logit of all, which no block can know by itself. So each shows the others its best,
// looks for theirs for a little while, and weighs its tokens against what it then takes for the best of all. Nobody
// waits: what a block has weighed against another best than the true one, the last block weighs again, which only takes
// longer.
#include <cuda_runtime.h>

#include <array>

#include "abi/sample.h"
#include "abi/sample_math.h"
#include "backends/cuda/kernels/failure.h"
#include "backends/cuda/kernels/launch.h"
#include "backends/cuda/kernels/reduce.h"
#include "backends/cuda/kernels/sample_draw.h"
#include "backends/cuda/kernels/sample_search.h"
#include "backends/cuda/kernels/sample_tokens.h"

namespace marlin::cuda {
namespace {

constexpr std::uint32_t kNone = 0xFFFFFFFFU;
constexpr std::uint32_t kBlockTokens = kSampleWarps * kGroupTokens;
constexpr std::uint32_t kInfinityKey = 0x007FFFFFU;  // of +infinity
constexpr std::uint32_t kMaxLooks = 32;              // a look takes half a microsecond

/// KernelCall::counters.
enum : std::uint32_t {
  kBestKey = 0,   // of the blocks so far; all bits inverted, so that 0 is none and the largest is the best
  kNanToken = 1,  // the first one, in the same way
  kScanned = 2,   // blocks that have shown their best
  kDone = 3,
  kNCounters = 4,
};

struct SampleState {
  abi::SampleStateHeader* header;
  const abi::SampleBias* biases;
  std::int32_t* counts;
  std::int32_t* seen;

  __device__ SampleState(std::byte* state, const abi::SampleArguments& arguments)
      : header(reinterpret_cast<abi::SampleStateHeader*>(state)),
        biases(reinterpret_cast<const abi::SampleBias*>(state + abi::sample_biases_offset())),
        counts(reinterpret_cast<std::int32_t*>(state + abi::sample_counts_offset(arguments.n_biases))),
        seen(reinterpret_cast<std::int32_t*>(state + abi::sample_seen_offset(arguments.n_biases, arguments.n_usable))) {
  }
};

struct SampleMemory {
  SearchMemory search;
  std::uint32_t best_key;
  std::uint32_t nan_token;
  bool is_last;
};

/// Those of the block's tokens. Entries of one token stand together, and the thread that has the first adds them all,
/// in order.
__device__ void apply_biases(const SampleTokens& tokens, const abi::SampleBias* biases, std::uint32_t n) {
  const std::uint32_t first = blockIdx.x * kBlockTokens;
  const std::uint32_t end = Min{}(tokens.n, first + kBlockTokens);
  for (std::uint32_t i = threadIdx.x; i < n; i += kSampleThreads) {
    const auto token = static_cast<std::uint32_t>(biases[i].token);
    if (token < first || token >= end || (i > 0 && biases[i - 1].token == biases[i].token)) continue;
    float logit = tokens.logits[token];
    for (std::uint32_t j = i; j < n && biases[j].token == biases[i].token; ++j) {
      logit = abi::biased_logit(logit, biases[j].bias);
    }
    tokens.logits[token] = logit;
  }
}

__device__ void penalize(const SampleTokens& tokens, const abi::SampleArguments& arguments, const std::int32_t* counts,
                         LaneTokens& lane) {
#pragma unroll
  for (std::uint32_t i = 0; i < kLaneTokens; ++i) {
    const std::uint32_t token = lane.token + i;
    const std::int32_t count = token < tokens.n ? counts[token] : -1;
    if (count < 0) continue;  // never seen
    lane.logits[i] = abi::penalized_logit(lane.logits[i], count, arguments.positive_factor, arguments.negative_factor,
                                          arguments.presence_penalty, arguments.frequency_penalty);
    tokens.logits[token] = lane.logits[i];
  }
}

__device__ void report_nans(const LaneTokens& lane, std::uint32_t* counters) {
#pragma unroll
  for (std::uint32_t i = 0; i < kLaneTokens; ++i) {
    if (abi::is_nan_bits(abi::float_bits(lane.logits[i]))) atomicMax(counters + kNanToken, ~(lane.token + i));
  }
}

/// Shows the block's best to the others; returns the best of all, or what it seems to be after a few looks.
__device__ std::uint32_t share_best(std::uint32_t best_key, std::uint32_t* counters) {
  atomicMax(counters + kBestKey, ~best_key);
  __threadfence();
  atomicAdd(counters + kScanned, 1U);
  const volatile std::uint32_t* shown = counters;
  for (std::uint32_t looks = 0; looks < kMaxLooks && shown[kScanned] < gridDim.x; ++looks) {
  }
  __threadfence();
  return ~shown[kBestKey];
}

__device__ Weigher make_weigher(const abi::SampleArguments& arguments, std::uint32_t best_key) {
  return {abi::logit_of_key(best_key), arguments.distance_scale, arguments.distance_limit, arguments.distance_factor};
}

/// Weighs the tokens of the block, of which `lane` is this thread's part.
__device__ void weigh_block(const SampleTokens& tokens, const abi::SampleArguments& arguments, const LaneTokens& lane,
                            std::uint32_t group, std::uint32_t best_key, const SampleRecords& records) {
  const Kept kept{kLastRank, arguments.min_weight};
  const std::uint64_t mass = warp_reduce(lane_mass(lane, tokens, kept, make_weigher(arguments, best_key)), Add{});
  if (lane_index() == 0 && group < tokens.n_groups) records.mass[group] = mass;
  if (threadIdx.x == 0) records.best_key[blockIdx.x] = best_key;
}

/// Whether all other blocks have left their records; if so, the counters are ready for the next launch.
__device__ bool is_last_block(std::uint32_t* counters, SampleMemory& memory) {
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    memory.is_last = atomicAdd(counters + kDone, 1U) + 1 == gridDim.x;
    if (memory.is_last) {
      __threadfence();
      memory.nan_token = ~__ldcg(counters + kNanToken);
      for (std::uint32_t i = 0; i < kNCounters; ++i) counters[i] = 0;
    }
  }
  __syncthreads();
  return memory.is_last;
}

/// The rank of the best token of all.
__device__ std::uint64_t best_of_groups(const SampleTokens& tokens, const SampleRecords& records,
                                        SampleMemory& memory) {
  std::uint64_t best = kNoRank;
  for (std::uint32_t group = threadIdx.x; group < tokens.n_groups; group += kSampleThreads) {
    best = Min{}(best, __ldcg(records.best + group));
  }
  best = block_reduce(best, kNoRank, memory.search.partial, Min{});
  __syncthreads();
  return best;
}

/// The limit of very large logits: those of +infinity become the only ones left, all equal. The records of all groups
/// follow; their masses have to be measured again.
__device__ void replace_infinities(const SampleTokens& tokens, const SampleRecords& records) {
  for (std::uint32_t token = threadIdx.x; token < tokens.n; token += kSampleThreads) {
    const bool is_infinite = abi::float_bits(__ldcg(tokens.logits + token)) == abi::kInfinityBits;
    tokens.logits[token] = abi::float_of_bits(is_infinite ? 0U : std::uint32_t{abi::kNegativeInfinityBits});
  }
  for (std::uint32_t block = threadIdx.x; block < gridDim.x; block += kSampleThreads) {
    records.best_key[block] = kInfinityKey;
  }
  __syncthreads();
  tokens.for_groups([](std::uint32_t) { return true; },
                    [&](std::uint32_t group) {
                      const std::uint64_t best = tokens.best(tokens.load(group));
                      if (lane_index() == 0) records.best[group] = best;
                    });
  __syncthreads();
}

/// By one thread, which has chosen.
__device__ void record_choice(const SampleState& state, const abi::SampleArguments& arguments, std::int32_t chosen) {
  if (arguments.greedy == 0) state.header->random = abi::next_random(state.header->random);
  if (arguments.penalizes == 0) return;
  if (state.counts[chosen] < 0) {
    state.counts[chosen] = 0;
    state.seen[state.header->n_seen] = chosen;
    state.header->n_seen += 1;
  }
  state.counts[chosen] += 1;
}

/// What the last block does.
__device__ void choose(const KernelCall& call, const SampleTokens& tokens, const SampleState& state,
                       const SampleRecords& records, SampleMemory& memory) {
  const auto& arguments = call.arguments<abi::SampleArguments>();
  auto* token = call.binding<std::int32_t>(2);
  std::uint64_t best = best_of_groups(tokens, records, memory);
  const bool has_nan = memory.nan_token != kNone;
  if (has_nan || key_of(best) == abi::kNegativeInfinityBits) {
    if (threadIdx.x != 0) return;
    report_failure(call.failure, has_nan ? abi::KernelFailureCode::kNanLogit : abi::KernelFailureCode::kNoLogit,
                   has_nan ? memory.nan_token : 0);
    return;
  }
  if (key_of(best) == kInfinityKey) {
    replace_infinities(tokens, records);
    best = rank_of(abi::logit_key(0.0F), token_of(best));
  }
  if (arguments.greedy != 0) {
    if (threadIdx.x == 0) *token = static_cast<std::int32_t>(token_of(best));
  } else {
    const std::uint32_t best_key = key_of(best);
    const Draw draw{arguments, tokens, records, make_weigher(arguments, best_key), best};
    const std::uint64_t random = abi::random_bits_of(abi::next_random(state.header->random));
    const auto is_measured = [&](std::uint32_t group) {
      return __ldcg(records.best_key + group / kSampleWarps) == best_key;
    };
    draw_token(draw, random, is_measured, token, memory.search);
    __syncthreads();
  }
  if (threadIdx.x == 0) record_choice(state, arguments, *token);
}

// Grid: blocks of kBlockTokens tokens, a group to a warp.
__global__ void __launch_bounds__(kSampleThreads, 1) sample_f32(const __grid_constant__ KernelCall call) {
  __shared__ SampleMemory memory;
  const auto& arguments = call.arguments<abi::SampleArguments>();
  auto* logits = call.binding<float>(0);
  const std::uint32_t n = arguments.n_usable;
  const SampleTokens tokens{logits, n, (n + kGroupTokens - 1) / kGroupTokens, holds_vectors(logits)};
  const SampleState state(call.binding<std::byte>(1), arguments);
  const SampleRecords records(call.scratch, tokens.n_groups);
  if (arguments.n_biases != 0) {
    apply_biases(tokens, state.biases, arguments.n_biases);
    __syncthreads();
  }
  const std::uint32_t group = blockIdx.x * kSampleWarps + warp_index();
  LaneTokens lane = tokens.load(group);
  if (arguments.penalizes != 0) penalize(tokens, arguments, state.counts, lane);
  report_nans(lane, call.counters);
  const std::uint64_t best = tokens.best(lane);
  if (lane_index() == 0 && group < tokens.n_groups) records.best[group] = best;
  if (arguments.greedy == 0) {
    const std::uint64_t block_best = block_reduce(best, kNoRank, memory.search.partial, Min{});
    if (threadIdx.x == 0) memory.best_key = share_best(key_of(block_best), call.counters);
    __syncthreads();
    weigh_block(tokens, arguments, lane, group, memory.best_key, records);
  }
  if (is_last_block(call.counters, memory)) choose(call, tokens, state, records, memory);
}

Launch launch_sample(const std::byte* arguments, const GpuLimits& /*gpu*/) {
  const auto& args = as<abi::SampleArguments>(arguments);
  const std::uint32_t n_groups = ceil_div(args.n_usable, kGroupTokens);
  const std::uint32_t n_blocks = ceil_div(args.n_usable, kBlockTokens);
  return {sample_f32, {n_blocks}, kSampleThreads, 0, SampleRecords::bytes(n_groups, n_blocks), kNCounters};
}

}  // namespace

std::span<const CudaKernel> sampling_kernels() {
  static constexpr std::array kKernels = {
      CudaKernel{"sample_f32", sizeof(abi::SampleArguments), 3, launch_sample, true},
  };
  return kKernels;
}

}  // namespace marlin::cuda
