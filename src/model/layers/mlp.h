// SPDX-License-Identifier: Apache-2.0
// The MLP sublayer of a decoder layer, dense or routed: reads step.h, adds to step.x. Both are a table of experts; a
// dense MLP is one expert that every row uses (or, for very wide ones, the slices it was stored in).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "model/config.h"
#include "model/step.h"
#include "model/weights.h"
#include "runtime/layer_batch_context.h"

namespace marlin {

class Mlp {
 public:
  /// Binds the tensors under `prefix` ("model.layers.3.mlp.") of layer `layer`.
  static Mlp bind(Weights& weights, const ModelConfig& config, std::int64_t layer, const std::string& prefix);

  void encode(LayerBatchContext& batch, const Step& step) const;

  /// Floats of step.space that encode() needs.
  [[nodiscard]] std::int64_t space_floats(std::int64_t n_rows) const;

  [[nodiscard]] const ops::MoeShape& shape() const { return shape_; }
  [[nodiscard]] bool is_routed() const { return router_.has_value(); }

  /// Expected bytes of weights that n_rows rows read, if routing is random.
  [[nodiscard]] double expected_weight_bytes(std::int64_t n_rows) const;

  /// Bits per weight of the experts: "3", or "2-4" when they differ.
  [[nodiscard]] std::string bits() const;

 private:
  struct Router {
    ops::RouterShape shape;
    abi::Matrix gate;
    std::optional<BufferView> correction_bias;
  };

  Mlp() = default;
  void add_table(Weights& weights, std::span<const abi::Expert> experts);
  void run_experts(LayerBatchContext& batch, const ops::MoeTrellisSwiglu& moe, ExpertDispatch dispatch) const;

  ops::MoeShape shape_;
  std::int64_t n_shared_ = 0;       // last of the table
  std::uint64_t routed_bytes_ = 0;  // of all routed experts together
  std::uint64_t other_bytes_ = 0;
  std::uint32_t min_bits_ = 0;
  std::uint32_t max_bits_ = 0;
  BufferView experts_;
  BufferView fixed_ids_;  // dense: every row's slots are the whole table, with weight 1
  BufferView fixed_weights_;
  std::optional<Router> router_;
};

}  // namespace marlin
