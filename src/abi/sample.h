// SPDX-License-Identifier: Apache-2.0
// sample_f32: chooses the next token of one sequence from its logits: logit bias, penalties, temperature, min-p, top-k,
// top-p, draw (include/metal_marlin/generation_options.h says what each means, src/abi/sample_math.h computes it). One
// call at a time per state. Fails when a logit is NaN or none is above -infinity.
// Bindings: logits f32 [vocab_size] updated (bias and penalties); state, bytes [state_bytes] aligned to
// kSampleStateAlignment, updated: see below; token i32 [1] written.
// All numbers that a user gives as double are converted once, by make_sample_arguments() of src/sampling.
#pragma once

#include <cstddef>
#include <cstdint>

namespace marlin::abi {

enum : std::uint32_t { kSampleStateAlignment = 64 };

struct SampleArguments {
  std::uint64_t state_bytes;
  std::uint64_t min_weight;  // weights below are dropped; min-p, and at least 1
  // The temperature, as token_weight() wants it.
  float distance_scale;
  float distance_limit;
  std::uint32_t distance_factor;
  std::uint32_t top_p;  // of 2^32; 0 = off
  // A logit above 0 is multiplied by the first, another by the second.
  float positive_factor;
  float negative_factor;
  float presence_penalty;
  float frequency_penalty;
  std::uint32_t vocab_size;
  std::uint32_t n_usable;  // tokens from here on are never chosen; 1 .. vocab_size
  std::uint32_t n_biases;
  std::uint32_t top_k;      // 0 = off, else below n_usable
  std::uint32_t penalizes;  // 0 or 1: whether any penalty is on, and so whether tokens are counted
  std::uint32_t greedy;     // 0 or 1: the largest logit, no draw
};
static_assert(sizeof(SampleArguments) == 72 && offsetof(SampleArguments, vocab_size) == 48, "shared with kernels");

// The state: the header; biases [n_biases]; if penalizes, counts i32 [n_usable] (-1 never seen, 0 in the prompt, else
// how often generated) and seen i32 [n_usable] (the first n_seen: the tokens seen, once each); then scratch that only
// the host and the cpu use. Each starts at a multiple of kSampleStateAlignment.
struct SampleStateHeader {
  std::uint64_t random;  // see next_random()
  std::uint32_t n_seen;
  std::uint32_t reserved;
};
static_assert(sizeof(SampleStateHeader) == 16, "shared with kernels");

/// Ordered by token; of one token in the order to be added.
struct SampleBias {
  std::int32_t token;
  float bias;
};
static_assert(sizeof(SampleBias) == 8, "shared with kernels");

constexpr std::uint64_t sample_state_aligned(std::uint64_t bytes) {
  return (bytes + (kSampleStateAlignment - 1)) / kSampleStateAlignment * kSampleStateAlignment;
}

// Offsets in bytes; `n_counted` is n_usable if penalizes, else 0.
constexpr std::uint64_t sample_biases_offset() { return sample_state_aligned(sizeof(SampleStateHeader)); }
constexpr std::uint64_t sample_counts_offset(std::uint32_t n_biases) {
  return sample_biases_offset() + sample_state_aligned(std::uint64_t{n_biases} * sizeof(SampleBias));
}
constexpr std::uint64_t sample_seen_offset(std::uint32_t n_biases, std::uint32_t n_counted) {
  return sample_counts_offset(n_biases) + sample_state_aligned(std::uint64_t{n_counted} * sizeof(std::int32_t));
}
constexpr std::uint64_t sample_scratch_offset(std::uint32_t n_biases, std::uint32_t n_counted) {
  return sample_seen_offset(n_biases, n_counted) +
         sample_state_aligned(std::uint64_t{n_counted} * sizeof(std::int32_t));
}

}  // namespace marlin::abi
