// SPDX-License-Identifier: Apache-2.0
// sample_f32: chooses the next token of one sequence from its logits: logit bias, penalties, temperature, min-p, top-k,
// top-p, draw (include/metal_marlin/generation_options.h says what each means). One call at a time per state. Fails
// when a logit is NaN or none is above -infinity.
// Bindings: logits f32 [vocab_size] updated (bias and penalties); state, bytes [state_bytes] aligned to
// kSampleStateAlignment, updated: the random numbers, the tokens seen, the biases and all scratch, as
// src/sampling/sampler_state.h lays them out and initialises them; token i32 [1] written.
#pragma once

#include <cstddef>
#include <cstdint>

namespace marlin::abi {

inline constexpr std::size_t kSampleStateAlignment = 64;

struct SampleArguments {
  std::uint64_t state_bytes;
  double temperature;  // 0 = greedy
  double top_p;        // 1 = off
  double min_p;        // 0 = off
  double repetition_penalty;
  double presence_penalty;
  double frequency_penalty;
  std::uint32_t vocab_size;
  std::uint32_t n_usable;  // tokens from here on are never chosen; 1 .. vocab_size
  std::uint32_t n_biases;
  std::uint32_t top_k;      // 0 = off, else below n_usable
  std::uint32_t penalizes;  // 0 or 1: whether any penalty is on, and so whether tokens are counted
  std::uint32_t reserved;
};
static_assert(sizeof(SampleArguments) == 80 && offsetof(SampleArguments, vocab_size) == 56);

}  // namespace marlin::abi
