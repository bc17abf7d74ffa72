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
  const bool ends_group =
      policy_.unit == CommitUnit::kLayers ? n_layers_ == policy_.layers_per_commit : !dispatcher_.empty();
  if (ends_group) commit();
  if (n_layers_++ == 0) first_layer_ = layer;
  layer_ = layer;
}

void LayerBatchContext::begin_stage(Stage stage) {
  if (policy_.unit != CommitUnit::kLayers && stage != stage_ && !dispatcher_.empty()) commit();
  stage_ = stage;
  dispatcher_.mark(layer_, stage);
}

BatchId LayerBatchContext::finish() {
  commit();
  return last_;
}

void LayerBatchContext::commit() {
  if (policy_.unit == CommitUnit::kDispatch) {
    for (std::size_t i = 0; i < dispatcher_.size(); ++i) {
      commit_batch(dispatcher_.kernel(i), [&](CommandBuffer& commands) { dispatcher_.encode_one_into(commands, i); });
    }
    dispatcher_.clear();
  } else {
    std::array<char, 64> name;
    const auto end = policy_.unit == CommitUnit::kStage
                         ? fmt::format_to_n(name.data(), name.size(), "layer {} {}", layer_, stage_name(stage_))
                     : first_layer_ == layer_
                         ? fmt::format_to_n(name.data(), name.size(), "layer {}", layer_)
                         : fmt::format_to_n(name.data(), name.size(), "layers {}-{}", first_layer_, layer_);
    commit_batch({name.data(), end.out}, [&](CommandBuffer& commands) { dispatcher_.encode_into(commands); });
  }
  n_layers_ = 0;
  first_layer_ = layer_;
}

template <typename Encode>
void LayerBatchContext::commit_batch(std::string_view name, const Encode& encode) {
  CommandBuffer& commands = manager_.begin({first_layer_, layer_, stage_}, name, prepared_);
  try {
    encode(commands);
  } catch (...) {
    manager_.discard();
    throw;
  }
  last_ = manager_.commit();
  prepared_ = Clock::now();
}

}  // namespace marlin
