// SPDX-License-Identifier: Apache-2.0
// One forward pass on its way into batches: groups layers_per_commit layers into one command buffer (47 layers at 12: 4
// commits), the embedding with the first group, the head with the last. Made on the stack for each pass; what has not
// been committed when it is destroyed, because of an exception, is dropped.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/async_command_buffer_manager.h"
#include "runtime/batched_dispatcher.h"

namespace marlin {

/// What gets a command buffer of its own; all but kLayers are for profiling.
enum class CommitUnit { kLayers, kStage, kDispatch };

/// How a forward pass is cut into command buffers.
struct CommitPolicy {
  std::int64_t layers_per_commit = 12;  ///< at least 1; of CommitUnit::kLayers
  CommitUnit unit = CommitUnit::kLayers;

  /// Batches of a pass over so many layers; more when profiling.
  [[nodiscard]] std::int64_t n_batches(std::int64_t n_layers) const {
    return (n_layers + layers_per_commit - 1) / layers_per_commit;
  }
};

class LayerBatchContext {
 public:
  /// Errors: kInvalidArgument for layers_per_commit < 1.
  LayerBatchContext(AsyncCommandBufferManager& manager, BatchedDispatcher& dispatcher, const CommitPolicy& policy);
  ~LayerBatchContext();
  LayerBatchContext(const LayerBatchContext&) = delete;
  LayerBatchContext& operator=(const LayerBatchContext&) = delete;

  /// Where operations go.
  [[nodiscard]] Encoder& encoder() { return dispatcher_; }

  /// The following belongs to `layer`. Layers come in order.
  void begin_layer(std::int64_t layer);

  /// The following belongs to `stage` of the layer.
  void begin_stage(Stage stage);

  /// Commits the last group, which may be partial; returns the batch whose end is the end of the pass.
  BatchId finish();

 private:
  void commit();
  template <typename Encode>
  void commit_batch(std::string_view name, const Encode& encode);

  AsyncCommandBufferManager& manager_;
  BatchedDispatcher& dispatcher_;
  CommitPolicy policy_;
  Clock::time_point prepared_;
  std::int64_t first_layer_ = 0;  // of the group
  std::int64_t layer_ = 0;
  std::int64_t next_layer_ = 0;
  std::int64_t n_layers_ = 0;  // in the group
  Stage stage_ = Stage::kEmbedding;
  BatchId last_ = 0;
};

}  // namespace marlin
