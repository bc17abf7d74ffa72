// SPDX-License-Identifier: Apache-2.0
#include "classes/command_queue.h"

#include <algorithm>
#include <chrono>

#include "classes/command_buffer.h"
#include "gpu/gpu.h"
#include "runtime/autorelease.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

const Class& queue_class() {
  static const Class& instance =
      *new Class("MTLCommandQueue", &object_class(), nullptr,
                 {{"commandBuffer", method<&CommandQueue::command_buffer>()},
                  {"commandBufferWithUnretainedReferences", method<&CommandQueue::command_buffer_unretained>()},
                  {"addResidencySet:", method<&CommandQueue::add_residency_set>()},
                  {"addResidencySets:count:", method<&CommandQueue::add_residency_sets>()},
                  {"removeResidencySet:", method<&CommandQueue::remove_residency_set>()},
                  {"removeResidencySets:count:", method<&CommandQueue::remove_residency_sets>()},
                  {"setLabel:", method<&CommandQueue::set_label_string>()},
                  {"label", method<&CommandQueue::label_string>()},
                  {"device", method<&CommandQueue::device>()}});
  return instance;
}

[[maybe_unused]] const Class& registered = queue_class();

}  // namespace

CommandQueue::CommandQueue(Device& device, unsigned long max_command_buffers)
    : Object(queue_class()), device_(&device), max_command_buffers_(std::max(1UL, max_command_buffers)) {
  Gpu::instance().add(this);
}

void CommandQueue::dealloc() {
  Gpu::instance().remove(this);
  sets_.clear();
  device_.reset();
}

// As Metal's, it waits while the queue has as many as it may have. If nothing that runs could end, it would wait for
// ever: that is a fault instead.
CommandBuffer* CommandQueue::make_command_buffer(bool retains) {
  {
    Gpu& gpu = Gpu::instance();
    auto lock = gpu.lock();
    const auto has_room = [&] { return n_command_buffers_ < max_command_buffers_; };
    if (!has_room() && !gpu.changed().wait_for(lock, std::chrono::seconds(20), has_room)) {
      fault("-[MTLCommandQueue commandBuffer]: waited 20 s for one of %lu command buffers to end",
            max_command_buffers_);
    }
    ++n_command_buffers_;
  }
  count(counting().command_buffers);
  return autoreleased(new CommandBuffer(*this, retains));
}

void CommandQueue::command_buffer_ended() {
  const auto lock = Gpu::instance().lock();
  --n_command_buffers_;
  Gpu::instance().changed().notify_all();
}

CommandBuffer* CommandQueue::command_buffer() { return make_command_buffer(true); }

CommandBuffer* CommandQueue::command_buffer_unretained() { return make_command_buffer(false); }

std::vector<Hold<Buffer>> CommandQueue::resident() {
  std::vector<Hold<Buffer>> all;
  const std::lock_guard lock(mutex_);
  for (const Ref<ResidencySet>& set : sets_) {
    for (Hold<Buffer>& buffer : set->committed()) all.push_back(std::move(buffer));
  }
  return all;
}

void CommandQueue::add_residency_set(ResidencySet* set) {
  const std::lock_guard lock(mutex_);
  if (set == nullptr) {
    fault("-[MTLCommandQueue addResidencySet:]: nil");
    return;
  }
  if (std::any_of(sets_.begin(), sets_.end(), [&](const auto& known) { return known.get() == set; })) return;
  if (sets_.size() >= kMaxResidencySets) {
    fault("-[MTLCommandQueue addResidencySet:]: a queue has at most %lu residency sets", kMaxResidencySets);
    return;
  }
  sets_.emplace_back(set);
}

void CommandQueue::add_residency_sets(ResidencySet* const* sets, unsigned long n) {
  for (unsigned long i = 0; i < n; ++i) add_residency_set(sets[i]);
}

void CommandQueue::remove_residency_set(ResidencySet* set) {
  Ref<ResidencySet> removed;  // released after the lock
  const std::lock_guard lock(mutex_);
  const auto place = std::find_if(sets_.begin(), sets_.end(), [&](const auto& known) { return known.get() == set; });
  if (place == sets_.end()) {
    fault("-[MTLCommandQueue removeResidencySet:]: the set is not attached to this queue");
    return;
  }
  removed = std::move(*place);
  sets_.erase(place);
}

void CommandQueue::remove_residency_sets(ResidencySet* const* sets, unsigned long n) {
  for (unsigned long i = 0; i < n; ++i) remove_residency_set(sets[i]);
}

}  // namespace softmetal
