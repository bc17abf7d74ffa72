// SPDX-License-Identifier: Apache-2.0
#include "classes/event.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "control/control.h"
#include "gpu/gpu.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

class EventListener final : public Object {
 public:
  EventListener();
};

const Class& event_class() {
  static const Class& instance =
      *new Class("MTLEvent", &object_class(), nullptr,
                 {{"setLabel:", method<&Event::set_label_string>()}, {"label", method<&Event::label_string>()}});
  return instance;
}

const Class& shared_event_class() {
  static const Class& instance = *new Class("MTLSharedEvent", &event_class(), nullptr,
                                            {{"signaledValue", method<&Event::signaled_value>()},
                                             {"setSignaledValue:", method<&Event::set_signaled_value>()},
                                             {"waitUntilSignaledValue:timeoutMS:", method<&Event::wait_until>()},
                                             {"notifyListener:atValue:block:", method<&Event::notify>()}});
  return instance;
}

const Class& listener_class() {
  static const Class& instance = *new Class("MTLSharedEventListener", &object_class(), make<EventListener>, {});
  return instance;
}

const Class& fence_class() {
  static const Class& instance =
      *new Class("MTLFence", &object_class(), nullptr, {{"setLabel:", method<&Fence::set_label_string>()}});
  return instance;
}

EventListener::EventListener() : Object(listener_class()) {}

[[maybe_unused]] const Class& registered_shared = shared_event_class();
[[maybe_unused]] const Class& registered_listener = listener_class();
[[maybe_unused]] const Class& registered_fence = fence_class();

}  // namespace

Event::Event(bool shared) : Object(shared ? shared_event_class() : event_class()) {}

Fence::Fence() : Object(fence_class()) {}

std::uint64_t Event::signaled_value() {
  const auto lock = Gpu::instance().lock();
  return value_;
}

void Event::signal_locked(std::uint64_t value) {
  if (value < value_) {
    fault("-[MTLSharedEvent setSignaledValue:]: the value goes down, from %llu to %llu",
          static_cast<unsigned long long>(value_), static_cast<unsigned long long>(value));
  }
  value_ = value;
  for (Listener& listener : listeners_) {
    if (listener.value > value_ || !listener.block) continue;
    Gpu::instance().run_on_driver([self = Ref<Event>(this),
                                   block = std::make_shared<BlockRef>(std::move(listener.block)),
                                   value] { (*block)(static_cast<void*>(self.get()), value); });
  }
  listeners_.erase(
      std::remove_if(listeners_.begin(), listeners_.end(), [](const Listener& listener) { return !listener.block; }),
      listeners_.end());
  Gpu::instance().wake();
}

void Event::set_signaled_value(std::uint64_t value) {
  const auto lock = Gpu::instance().lock();
  host_tick = EncoderOrder::instance().tick();
  signal_locked(value);
}

bool Event::wait_until(std::uint64_t value, std::uint64_t timeout_ms) {
  auto lock = Gpu::instance().lock();
  const auto limit = std::chrono::milliseconds(std::min<std::uint64_t>(timeout_ms, 3'600'000));
  return Gpu::instance().changed().wait_for(lock, limit, [&] { return value_ >= value; });
}

void Event::notify(Object* /*listener*/, std::uint64_t value, Block* block) {
  const auto lock = Gpu::instance().lock();
  listeners_.push_back({value, BlockRef(block)});
  if (value_ >= value) signal_locked(value_);
}

}  // namespace softmetal
