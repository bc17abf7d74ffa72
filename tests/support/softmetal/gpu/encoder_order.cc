// SPDX-License-Identifier: Apache-2.0
#include "gpu/encoder_order.h"

#include <algorithm>

#include "control/control.h"

namespace softmetal {

EncoderOrder& EncoderOrder::instance() {
  static auto* order = new EncoderOrder;  // for good: the GPU's thread outlives main()
  return *order;
}

void EncoderOrder::begin_encoder(OrderState& state, const void* queue) {
  state.encoder = ++last_id_;
  state.before = state.before_all;
  state.own.insert(state.encoder);
  past_.push_back({state.encoder, queue});
  if (past_.size() > kMaxEncoders) past_.pop_front();
}

void EncoderOrder::touch(const OrderState& state, const void* queue, const std::string& what,
                         const std::vector<TouchedBytes>& touched) {
  Past* mine = nullptr;
  for (Past& past : past_) {
    if (past.id == state.encoder) mine = &past;
    const bool ended_before = past.end_tick != 0 && past.end_tick < state.commit_tick;
    if (past.id == state.encoder || ended_before || state.before.count(past.id) > 0) continue;
    for (const TouchedBytes& now : touched) {
      if (check(past, queue, what, now)) break;
    }
  }
  if (mine == nullptr) return;
  for (const TouchedBytes& now : touched) mine->touches.push_back({now, what});
}

bool EncoderOrder::check(const Past& past, const void* queue, const std::string& what, const TouchedBytes& now) {
  for (const Past::Touch& touch : past.touches) {
    const TouchedBytes& then = touch.bytes;
    if (!now.writes && !then.writes) continue;
    if (std::max(now.begin, then.begin) >= std::min(now.end, then.end)) continue;
    if (past.queue == queue && now.tracked && then.tracked && now.buffer == then.buffer) continue;
    fault(
        "-[MTLComputeCommandEncoder waitForFence:]: missing: %s %s what %s of an earlier encoder %s in %s, and %s; it "
        "takes a fence or an event",
        what.c_str(), now.writes ? "writes" : "reads", touch.what.c_str(), then.writes ? "writes" : "reads",
        now.name.c_str(), past.queue == queue ? "hazards of this access are not tracked" : "queues are not ordered");
    return true;
  }
  return false;
}

void EncoderOrder::prune(EncoderIds& encoders) const {
  if (!past_.empty()) encoders.erase(encoders.begin(), encoders.lower_bound(past_.front().id));
}

void EncoderOrder::end(const OrderState& state, std::uint64_t tick) {
  for (Past& past : past_) {
    if (state.own.count(past.id) > 0 && past.end_tick == 0) past.end_tick = tick;
  }
}

}  // namespace softmetal
