// SPDX-License-Identifier: Apache-2.0
// A decoder-only transformer bound to a device: encodes forward passes, never computes and never waits. Which sublayers
// it has is data (ModelConfig); all architectures of model/arch are this one stack.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "device/device.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/layers/attention.h"
#include "model/layers/mlp.h"
#include "model/tensor_source.h"
#include "model/weights.h"
#include "runtime/runtime.h"

namespace marlin {

/// Points of a forward pass where an observer (a test, a profiler) may record commands of its own.
enum class TapPoint {
  kEmbedded,   // layer -1: x holds the embeddings
  kRouted,     // x undefined for observers; step.routing holds the layer's choice (before kLayerDone)
  kLayerDone,  // x holds the residual stream after the layer
};
using Tap = std::function<void(Encoder& encoder, TapPoint point, std::int64_t layer, const Step& step)>;

/// Rows of any sequences: a chunk of one, a token of each of many, or both. The cache holds what came before them.
struct ForwardPass {
  BufferView chosen;  // i32, tokens that earlier passes choose
  std::int64_t n_rows = 0;
  std::int64_t n_logit_rows = 0;  // of the last rows, to buffers->logits
  const KvCache* cache = nullptr;
  const MoEBuffers* buffers = nullptr;  // whose places and blocks are filled: Placement
  BufferView rope_table;                // see make_rope_table
  Tap tap;                              // usually empty
};

class Model {
 public:
  /// Called while loading with the layers bound so far and their number.
  using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

  /// Binds every tensor; `device` and `source` must outlive the model. Errors name the tensor.
  Model(Device& device, ModelConfig config, const TensorSource& source, const Progress& progress = {});

  [[nodiscard]] const ModelConfig& config() const { return config_; }

  /// Bytes of weights: the source's, and what binding added.
  [[nodiscard]] std::size_t weight_bytes() const { return weight_bytes_; }

  /// Expected bytes of weights that a pass of n_rows rows with one row of logits reads, if routing is random.
  [[nodiscard]] double expected_weight_bytes(std::int64_t n_rows) const;

  /// For passes of up to n_rows rows of which up to n_logit_rows give logits, of sequences that have up to n_blocks
  /// cache blocks together.
  [[nodiscard]] RuntimeNeeds runtime_needs(std::int64_t n_rows, std::int64_t n_logit_rows, std::int64_t n_blocks) const;

  /// Cosines and sines for n_positions positions, in new device memory.
  [[nodiscard]] std::unique_ptr<Buffer> make_rope_table(std::int64_t n_positions) const;

  /// Queues the pass in `batch`, which belongs to `runtime`; the caller finishes the batch.
  void encode(Runtime& runtime, LayerBatchContext& batch, const ForwardPass& pass) const;

 private:
  struct Layer {
    BufferView attention_norm;
    std::unique_ptr<Attention> attention;
    BufferView mlp_norm;
    Mlp mlp;
  };

  [[nodiscard]] std::int64_t rope_dim() const;
  Layer bind_layer(std::int64_t index);
  [[nodiscard]] std::int64_t space_floats(std::int64_t n_rows, std::int64_t n_logit_rows) const;
  [[nodiscard]] SelectionSubject selection_subject() const;
  void encode_layer(LayerBatchContext& batch, std::int64_t index, const Step& step, const ForwardPass& pass,
                    bool check_finite) const;
  void encode_head(LayerBatchContext& batch, const Step& step, const ForwardPass& pass, bool check_finite) const;
  void normalise(LayerBatchContext& batch, const BufferView& weight, const Step& step) const;

  Device& device_;
  ModelConfig config_;
  Weights weights_;
  std::size_t weight_bytes_ = 0;
  abi::Matrix embedding_{};
  abi::Matrix head_{};
  BufferView final_norm_;
  std::vector<Layer> layers_;
};

}  // namespace marlin
