// SPDX-License-Identifier: Apache-2.0
// Where the time of a forward pass goes. Stages and kernels are measured one command buffer each, so that any backend
// can time them; totals are measured apart, as passes normally run.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "metal_marlin/counters.h"

namespace marlin {

struct ProfileOptions {
  std::int64_t prompt_tokens = 128;  ///< rows of the prefill pass, at most 512; 0 = none
  std::int64_t decode_context = 0;   ///< tokens in the cache when decoding
  int warm_up = 1;                   ///< passes before measuring, of each kind
  int iterations = 5;                ///< passes measured, of each kind, whole, by stage and by kernel
};

/// Columns of a profile.
inline constexpr std::array<std::string_view, 8> kProfileStages = {
    "embedding", "norms", "attention", "router", "experts", "shared expert", "head", "sampling"};

/// All launches of one kernel in a pass, each timed in a command buffer of its own.
struct KernelProfile {
  std::string name;
  double launches = 0;
  double ms = 0;
};

/// One kind of pass: medians over the iterations, in milliseconds.
struct PassProfile {
  std::string name;  ///< "prefill 128", "decode"
  std::int64_t n_rows = 0;
  double total_ms = 0;                                   ///< device time of a whole pass, as it normally runs
  double encode_ms = 0;                                  ///< host time to encode and commit it
  std::array<double, kProfileStages.size()> stage_ms{};  ///< summed over layers
  std::vector<std::array<double, kProfileStages.size()>> layer_ms;  ///< [n_layers]; embedding, head and sampling are 0
  std::vector<KernelProfile> kernels;                               ///< the longest first
  double commits = 0;                                               ///< per pass, as it normally runs
  double dispatches = 0;
  double waits = 0;         ///< per pass; the one at the end
  double weight_bytes = 0;  ///< that the pass must read at least once; of experts the expected number, at random
};

struct Profile {
  std::vector<PassProfile> passes;
  double copy_bandwidth = 0;  ///< bytes per second, read and written, that a plain copy reaches on this device
};

}  // namespace marlin
