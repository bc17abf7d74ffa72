// SPDX-License-Identifier: Apache-2.0
// The rotary embedding of a config.json, in every spelling that is published: `rope_theta` with `rope_scaling`, or
// `rope_parameters` holding both; `rope_type` or the older `type`. Called by the architecture files. Surprise: when
// both objects are there, rope_scaling wins, as in transformers 5.
#pragma once

#include "io/json_reader.h"
#include "model/config.h"

namespace marlin {

struct ParsedRope {
  RopeConfig rope;
  /// DeepSeek's YaRN correction of the softmax scale, mscale(factor, mscale_all_dim)^2; 1 when not configured. Only the
  /// latent-attention models apply it.
  double latent_softmax_correction = 1.0;
  /// The context the scaling is made for, when it says more than max_position_embeddings does; else 0.
  std::int64_t extended_positions = 0;
};

/// Errors: kUnsupported for another rope type (naming it), partial rotation or per-layer parameters; kBadFile
/// otherwise.
ParsedRope parse_rope(const JsonReader& config, RopeLayout layout, std::int64_t max_position_embeddings);

}  // namespace marlin
