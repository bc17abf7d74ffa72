// SPDX-License-Identifier: Apache-2.0
// All that the sampler of one sequence keeps and works in, in one stretch of memory, so that it can be a device buffer
// and the choice a kernel (src/abi/sample.h, which has the layout). Whoever runs a generation makes and initialises it
// on the host; afterwards a TokenChooser, on the host or in that kernel, updates it. Surprise: scratch is part of it,
// and only what outlives a choice is ever initialised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/sample.h"
#include "metal_marlin/generation_options.h"
#include "sampling/sampler_cut.h"

namespace marlin {

/// What the kernel is given. `vocab_size` is the number of logits per position. Tokens from `n_usable` on (padding rows
/// of the output layer that the tokenizer does not know) are never chosen; -1 = all usable. Validates `options`;
/// errors: kInvalidArgument, also for a bias on a token outside the vocabulary. Here the options become float and fixed
/// point: a temperature outside of 2^-72 .. 2^72 counts as the nearer of these, top_p is cut to a multiple of 2^-32 and
/// min_p rounded up to one of 2^-40.
abi::SampleArguments make_sample_arguments(const SamplingOptions& options, std::int64_t vocab_size,
                                           std::int64_t n_usable);

/// Bytes of the state: also arguments.state_bytes, for those who need not know the layout.
std::size_t sampler_state_bytes(const abi::SampleArguments& arguments);

/// The seed of `options`, or a random one.
std::uint64_t resolve_seed(const SamplingOptions& options);

/// Makes `state` that of a sequence without tokens. `options` are those that made `arguments`; `state` holds at least
/// sampler_state_bytes() and is aligned to abi::kSampleStateAlignment.
void initialise_sampler_state(const abi::SampleArguments& arguments, const SamplingOptions& options, std::uint64_t seed,
                              std::span<std::byte> state);

/// Tells the penalties what the prompt holds; may be called several times. Errors: kInvalidArgument for a token outside
/// the vocabulary.
void observe_prompt(const abi::SampleArguments& arguments, std::span<std::byte> state,
                    std::span<const std::int32_t> tokens);

/// Where everything lies in the memory. n is n_usable; blocks of tokens are those of sampler_weights.h. Does not own.
struct SamplerState {
  /// Counts `token`, if penalties are on and it is usable; one of the prompt only as seen.
  void record(std::int32_t token, bool generated) const;

  abi::SampleStateHeader* header;
  std::span<abi::SampleBias> biases;

  // Penalties only, otherwise empty.
  std::span<std::int32_t> counts;  // [n] -1 never seen, 0 in the prompt, else how often generated
  std::span<std::int32_t> seen;    // [n] the first n_seen: the tokens seen, once each

  // Scratch of one choice.
  CutScratch cut;
  std::span<float> block_max;           // [blocks]
  std::span<float> block_order;         // [blocks]
  std::span<std::uint64_t> block_mass;  // [blocks]
  std::span<std::uint64_t> weights;     // [n] unnormalised probabilities; valid for kept tokens
  std::span<std::int32_t> kept;         // [n] ascending
};

/// The parts of an initialised state.
SamplerState sampler_state_at(const abi::SampleArguments& arguments, std::byte* state);

}  // namespace marlin
