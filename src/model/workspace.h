// SPDX-License-Identifier: Apache-2.0
// The memory one forward pass at a time works in, planned once from the model and the chunk size and reused for every
// chunk and token.
#pragma once

#include <cstdint>
#include <memory>

#include "device/device.h"
#include "model/step.h"

namespace marlin {

/// What a model needs for chunks of n_rows rows; made by Model::workspace_needs.
struct WorkspaceNeeds {
  std::int64_t n_rows = 0;
  std::int64_t hidden = 0;
  std::int64_t space_floats = 0;   // the largest of any sublayer
  std::int64_t slots_per_row = 0;  // the most of any MLP
  std::int64_t n_experts = 0;      // the most of any MLP
  std::int64_t vocab_size = 0;
  std::int64_t n_logit_rows = 1;  // rows of logits produced by one pass

  [[nodiscard]] std::size_t bytes() const;
};

class Workspace {
 public:
  Workspace(Device& device, const WorkspaceNeeds& needs);

  [[nodiscard]] const WorkspaceNeeds& needs() const { return needs_; }

  /// Token ids i32 [n_rows], to be written by the host before a pass.
  [[nodiscard]] const BufferView& ids() const { return ids_; }

  /// Logits f32 [n_logit_rows, vocab_size], to be read by the host after a pass.
  [[nodiscard]] const BufferView& logits() const { return logits_; }

  /// The shared part of a pass of n_rows rows at start_position.
  [[nodiscard]] Step step(std::int64_t n_rows, std::int64_t start_position, const BufferView& rope_table) const;

 private:
  WorkspaceNeeds needs_;
  std::unique_ptr<Buffer> buffer_;
  BufferView ids_;
  BufferView logits_;
  Step step_;
};

}  // namespace marlin
