// SPDX-License-Identifier: Apache-2.0
// A model's recommended generation settings, from its parsed generation_config.json and config.json. The session starts
// from these and lets the caller's options replace them one by one. Surprise: either file may be absent, and only
// `do_sample`: false makes greedy decoding the default; transformers' rule that its absence means greedy is not
// followed, as in vLLM.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <vector>

#include "metal_marlin/generation_options.h"

namespace marlin {

struct GenerationDefaults {
  SamplingOptions sampling;                 ///< temperature, top_k, top_p, min_p, repetition_penalty; others neutral
  std::vector<std::int32_t> eos_token_ids;  ///< ascending, each once; may be none
};

/// Null pointers stand for absent files; a null value counts as an absent key. `eos_token_id`, a number or a list,
/// comes from generation_config.json and, where that has none, from config.json. Errors: kBadFile, naming file and key,
/// for a wrong type or a value out of range.
GenerationDefaults read_generation_defaults(const boost::json::value* generation_config,
                                            const boost::json::value* config);

}  // namespace marlin
