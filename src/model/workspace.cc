// SPDX-License-Identifier: Apache-2.0
#include "model/workspace.h"

namespace marlin {
namespace {

constexpr std::size_t kElementBytes = 4;  // f32 and i32 alike
constexpr std::size_t kAlignment = 128;

std::size_t padded_bytes(std::int64_t n) {
  return (static_cast<std::size_t>(n) * kElementBytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// Lays parts one after another; with a buffer it makes their views, without one it only measures.
class Layout {
 public:
  explicit Layout(Buffer* buffer = nullptr) : buffer_(buffer) {}

  BufferView add(std::int64_t n) {
    const BufferView view{buffer_, offset_, static_cast<std::size_t>(n) * kElementBytes};
    offset_ += padded_bytes(n);
    return view;
  }

  [[nodiscard]] std::size_t bytes() const { return offset_; }

 private:
  Buffer* buffer_;
  std::size_t offset_ = 0;
};

struct Parts {
  BufferView ids;
  BufferView logits;
  Step step;
};

Parts lay_out(Layout& layout, const WorkspaceNeeds& needs) {
  const std::int64_t n_slots = needs.n_rows * needs.slots_per_row;
  Parts parts;
  parts.ids = layout.add(needs.n_rows);
  parts.logits = layout.add(needs.n_logit_rows * needs.vocab_size);
  parts.step.x = layout.add(needs.n_rows * needs.hidden);
  parts.step.h = layout.add(needs.n_rows * needs.hidden);
  parts.step.space = layout.add(needs.space_floats);
  parts.step.routing.ids = layout.add(n_slots);
  parts.step.routing.weights = layout.add(n_slots);
  parts.step.routing.sorted_slots = layout.add(n_slots);
  parts.step.routing.slot_position = layout.add(n_slots);
  parts.step.routing.offsets = layout.add(needs.n_experts + 1);
  parts.step.routing.active = layout.add(needs.n_experts + 1);
  return parts;
}

}  // namespace

std::size_t WorkspaceNeeds::bytes() const {
  Layout layout;
  lay_out(layout, *this);
  return layout.bytes();
}

Workspace::Workspace(Device& device, const WorkspaceNeeds& needs)
    : needs_(needs), buffer_(device.allocate(needs.bytes(), "workspace")) {
  Layout layout(buffer_.get());
  const Parts parts = lay_out(layout, needs);
  ids_ = parts.ids;
  logits_ = parts.logits;
  step_ = parts.step;
}

Step Workspace::step(std::int64_t n_rows, std::int64_t start_position, const BufferView& rope_table) const {
  MARLIN_CHECK(n_rows > 0 && n_rows <= needs_.n_rows);
  Step step = step_;
  step.n_rows = n_rows;
  step.start_position = start_position;
  step.rope_table = rope_table;
  return step;
}

}  // namespace marlin
