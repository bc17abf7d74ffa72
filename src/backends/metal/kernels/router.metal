// SPDX-License-Identifier: Apache-2.0
// router_f32: which experts serve a row; see abi/moe.h. One threadgroup per row; the choice itself, which is a chain of
// maxima, is its first simdgroup's. Nothing is marked as chosen: the next choice is the largest of what comes after the
// last one in the order (falling choice, rising index), so equal choices keep the order of their indices.
#include <metal_stdlib>

#include "abi/moe.h"
#include "backends/metal/kernels/failure.h"
#include "backends/metal/kernels/reduce.h"

using namespace metal;
using namespace marlin;
using namespace marlin::abi;

constant constexpr uint kCachedChoices = 2048;  // of experts beyond, choices are computed whenever they are needed
constant constexpr uint kMaxGroups = 1024;

/// What turns logits into scores and choices.
struct Scorer {
  const device float* logits;
  const device float* bias;  // may be null
  RouterScoring scoring;
  float maximum;  // of softmax
  float sum;      // of softmax
};

METAL_FUNC float score_of(Scorer scorer, uint i) {
  if (scorer.scoring == RouterScoring::kSigmoid) return 1.0f / (1.0f + precise::exp(-scorer.logits[i]));
  return precise::exp(scorer.logits[i] - scorer.maximum) / scorer.sum;
}

/// Of any expert, before groups are left out.
METAL_FUNC float choice_of(Scorer scorer, uint i) {
  return score_of(scorer, i) + (scorer.bias == nullptr ? 0.0f : scorer.bias[i]);
}

/// The sum of a group's two best choices, or its best if it has one only; infinite if it has none.
METAL_FUNC float group_score(Scorer scorer, const threadgroup float* cached, uint begin, uint end) {
  float first = -INFINITY;
  float second = -INFINITY;
  for (uint i = begin; i < end; ++i) {
    const float choice = i < kCachedChoices ? cached[i] : choice_of(scorer, i);
    if (choice > first) {
      second = first;
      first = choice;
    } else if (choice > second) {
      second = choice;
    }
  }
  if (first == -INFINITY) return INFINITY;
  return end - begin > 1 ? first + second : first;
}

METAL_FUNC bool is_nan_bits(float value) { return (as_type<uint>(value) & 0x7FFFFFFFu) > 0x7F800000u; }

// Grid: a threadgroup per row.
kernel void router_f32(constant RouterArguments& arguments [[buffer(0)]], const device float* logits [[buffer(1)]],
                       device int* ids [[buffer(2)]], device float* weights [[buffer(3)]],
                       device KernelFailure* failure [[buffer(30)]], uint row [[threadgroup_position_in_grid]],
                       uint thread_index [[thread_index_in_threadgroup]], uint n_threads [[threads_per_threadgroup]],
                       uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
                       uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float maxima[kMaxSimdgroups];
  threadgroup float sums[kMaxSimdgroups];
  threadgroup float cached[kCachedChoices];
  threadgroup float group_scores[kMaxGroups];
  threadgroup uint removed[kMaxGroups];
  const ThreadPlace place = {thread_index, n_threads, lane, simdgroup, n_simdgroups};
  const uint n = arguments.n_routed;
  const uint n_cached = min(n, kCachedChoices);
  const uint n_groups = arguments.n_groups;
  const uint group_size = n / n_groups;
  Scorer scorer = {logits + ulong(row) * n, reinterpret_cast<const device float*>(arguments.correction_bias),
                   arguments.scoring, 0.0f, 1.0f};
  if (arguments.scoring == RouterScoring::kSoftmax) {
    float maximum = -INFINITY;
    for (uint i = thread_index; i < n; i += n_threads) maximum = max(maximum, scorer.logits[i]);
    scorer.maximum = threadgroup_max(maximum, maxima, place);
    float sum = 0.0f;
    for (uint i = thread_index; i < n; i += n_threads) sum += precise::exp(scorer.logits[i] - scorer.maximum);
    scorer.sum = threadgroup_sum(sum, sums, place);
  }
  for (uint i = thread_index; i < n_cached; i += n_threads) cached[i] = choice_of(scorer, i);
  threadgroup_barrier(mem_flags::mem_threadgroup);

  if (n_groups > 1) {
    for (uint group = thread_index; group < n_groups; group += n_threads) {
      group_scores[group] = group_score(scorer, cached, group * group_size, (group + 1) * group_size);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint group = thread_index; group < n_groups; group += n_threads) {
      const float score = group_scores[group];
      uint n_worse = 0;  // of equal groups the later is the worse one
      for (uint other = 0; other < n_groups; ++other) {
        n_worse += group_scores[other] < score || (group_scores[other] == score && other > group) ? 1u : 0u;
      }
      removed[group] = n_worse < n_groups - arguments.top_k_groups ? 1u : 0u;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint i = thread_index; i < n_cached; i += n_threads) {
      if (removed[i / group_size] != 0) cached[i] = -INFINITY;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (simdgroup != 0) return;

  ids += ulong(row) * arguments.slots_per_row;
  weights += ulong(row) * arguments.slots_per_row;
  float last = INFINITY;
  int last_index = -1;
  float sum = 0.0f;
  bool valid = !is_nan_bits(cached[0]);  // as the first maximum, it stays the maximum; others are never chosen
  for (uint k = 0; k < arguments.top_k && valid; ++k) {
    float best = -INFINITY;
    uint best_index = 0xFFFFFFFFu;
    for (uint i = lane; i < n; i += kSimdWidth) {
      float choice;
      if (i < kCachedChoices) {
        choice = cached[i];
      } else {
        choice = n_groups > 1 && removed[i / group_size] != 0 ? -INFINITY : choice_of(scorer, i);
      }
      const bool available = choice < last || (choice == last && int(i) > last_index);
      if (available && choice > best) {
        best = choice;
        best_index = i;
      }
    }
    last = simd_max(best);
    last_index = int(simd_min(best == last ? best_index : 0xFFFFFFFFu));
    valid = is_finite_bits(last);
    if (!valid) break;
    const float score = score_of(scorer, uint(last_index));
    sum += score;
    if (lane == 0) {
      ids[k] = last_index;
      weights[k] = score;
    }
  }
  simdgroup_barrier(mem_flags::mem_device);
  const float factor = arguments.scaling / (arguments.normalize != 0 ? sum + 1e-20f : 1.0f);
  for (uint k = lane; k < arguments.top_k; k += kSimdWidth) {
    if (!valid) ids[k] = int(k);  // experts that exist, for what runs before the failure is seen
    weights[k] = valid ? weights[k] * factor : NAN;
  }
  if (lane != 0) return;
  if (!valid) report_failure(failure, KernelFailureCode::kNotFiniteScores, row);
  if (arguments.slots_per_row > arguments.top_k) {  // the shared expert follows the routed ones in the table
    ids[arguments.top_k] = int(n);
    weights[arguments.top_k] = 1.0f;
  }
}
