// SPDX-License-Identifier: Apache-2.0
#include "runtime/layer_batch_context.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"

namespace marlin {

LayerBatchContext::LayerBatchContext(AsyncCommandBufferManager& manager, BatchedDispatcher& dispatcher,
                                     const CommitPolicy& policy)
    : manager_(manager), dispatcher_(dispatcher), policy_(policy), prepared_(Clock::now()) {
  MARLIN_CHECK(dispatcher.empty());
  if (policy.layers_per_commit < 1) {
    fail(ErrorCode::kInvalidArgument, "layers per commit must be at least 1, got {}", policy.layers_per_commit);
  }
  dispatcher_.mark(0, stage_);
}

LayerBatchContext::~LayerBatchContext() { dispatcher_.clear(); }

void LayerBatchContext::begin_layer(std::int64_t layer) {
  MARLIN_CHECK(layer == next_layer_++);
  if (policy_.per_stage ? !dispatcher_.empty() : n_layers_ == policy_.layers_per_commit) commit();
  if (n_layers_++ == 0) first_layer_ = layer;
  layer_ = layer;
}

void LayerBatchContext::begin_stage(Stage stage) {
  if (policy_.per_stage && stage != stage_ && !dispatcher_.empty()) commit();
  stage_ = stage;
  dispatcher_.mark(layer_, stage);
}

BatchId LayerBatchContext::finish() {
  commit();
  return last_;
}

void LayerBatchContext::commit() {
  std::array<char, 64> name;
  const auto end =
      policy_.per_stage        ? fmt::format_to_n(name.data(), name.size(), "layer {} {}", layer_, stage_name(stage_))
      : first_layer_ == layer_ ? fmt::format_to_n(name.data(), name.size(), "layer {}", layer_)
                               : fmt::format_to_n(name.data(), name.size(), "layers {}-{}", first_layer_, layer_);
  CommandBuffer& commands = manager_.begin({first_layer_, layer_, stage_}, {name.data(), end.out}, prepared_);
  try {
    dispatcher_.encode_into(commands);
  } catch (...) {
    manager_.discard();
    throw;
  }
  last_ = manager_.commit();
  prepared_ = Clock::now();
  n_layers_ = 0;
  first_layer_ = layer_;
}

}  // namespace marlin
