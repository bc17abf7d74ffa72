// SPDX-License-Identifier: Apache-2.0
#include "classes/command_buffer.h"

#include "classes/blit_encoder.h"
#include "classes/compute_encoder.h"
#include "control/control.h"
#include "gpu/gpu.h"
#include "runtime/autorelease.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

const Class& command_buffer_class() {
  static const Class& instance =
      *new Class("MTLCommandBuffer", &object_class(), nullptr,
                 {{"computeCommandEncoder", method<&CommandBuffer::compute_encoder>()},
                  {"computeCommandEncoderWithDispatchType:", method<&CommandBuffer::compute_encoder_of_type>()},
                  {"blitCommandEncoder", method<&CommandBuffer::blit_encoder>()},
                  {"enqueue", method<&CommandBuffer::enqueue>()},
                  {"commit", method<&CommandBuffer::commit>()},
                  {"waitUntilScheduled", method<&CommandBuffer::wait_until_scheduled>()},
                  {"waitUntilCompleted", method<&CommandBuffer::wait_until_completed>()},
                  {"status", method<&CommandBuffer::status>()},
                  {"error", method<&CommandBuffer::error>()},
                  {"addScheduledHandler:", method<&CommandBuffer::add_scheduled_handler>()},
                  {"addCompletedHandler:", method<&CommandBuffer::add_completed_handler>()},
                  {"encodeSignalEvent:value:", method<&CommandBuffer::encode_signal>()},
                  {"encodeWaitForEvent:value:", method<&CommandBuffer::encode_wait>()},
                  {"useResidencySet:", method<&CommandBuffer::use_residency_set>()},
                  {"useResidencySets:count:", method<&CommandBuffer::use_residency_sets>()},
                  {"GPUStartTime", method<&CommandBuffer::gpu_start_time>()},
                  {"GPUEndTime", method<&CommandBuffer::gpu_end_time>()},
                  {"kernelStartTime", method<&CommandBuffer::kernel_start_time>()},
                  {"kernelEndTime", method<&CommandBuffer::kernel_end_time>()},
                  {"retainedReferences", method<&CommandBuffer::retained_references>()},
                  {"setLabel:", method<&CommandBuffer::set_label_string>()},
                  {"label", method<&CommandBuffer::label_string>()},
                  {"pushDebugGroup:", method<&CommandBuffer::push_debug_group>()},
                  {"popDebugGroup", method<&CommandBuffer::pop_debug_group>()},
                  {"commandQueue", method<&CommandBuffer::queue>()},
                  {"device", method<&CommandBuffer::device>()}});
  return instance;
}

[[maybe_unused]] const Class& registered = command_buffer_class();

bool is_over(Status status) { return status == Status::kCompleted || status == Status::kError; }

}  // namespace

CommandBuffer::CommandBuffer(CommandQueue& queue, bool retains)
    : Object(command_buffer_class()), queue_(&queue), options_(queue.device_of().options()), retains_(retains) {}

CommandBuffer::~CommandBuffer() = default;

// The GPU has a reference from commit to the end: this was never committed, or has ended.
void CommandBuffer::dealloc() {
  if (open_ != nullptr) fault("-[MTLCommandBuffer release]: an encoder is open");
  if (state == Status::kNotEnqueued || state == Status::kEnqueued) finish();
  queue_.reset();
  error_.reset();
}

void CommandBuffer::use(Object* object) {
  if (!retains_ || object == nullptr) return;
  // The same few objects are set over and over.
  constexpr std::size_t kRecent = 8;
  for (std::size_t i = retained_.size(); i > 0 && retained_.size() - i < kRecent; --i) {
    if (retained_[i - 1].get() == object) return;
  }
  retained_.emplace_back(object);
}

void CommandBuffer::encoder_ended(const Encoder* encoder) {
  if (open_ == encoder) open_ = nullptr;
}

bool CommandBuffer::can_encode(const char* selector) {
  const auto lock = Gpu::instance().lock();
  if (state == Status::kNotEnqueued || state == Status::kEnqueued) return true;
  fault("-[MTLCommandBuffer %s]: after commit", selector);
  return false;
}

bool CommandBuffer::can_open_encoder(const char* selector) {
  if (!can_encode(selector)) return false;
  if (open_ != nullptr) fault("-[MTLCommandBuffer %s]: an encoder is open", selector);
  return open_ == nullptr;
}

Encoder* CommandBuffer::compute_encoder() { return compute_encoder_of_type(0); }

Encoder* CommandBuffer::compute_encoder_of_type(unsigned long type) {
  if (!can_open_encoder("computeCommandEncoderWithDispatchType:")) return nullptr;
  open_ = autoreleased(new ComputeEncoder(*this, type));
  return open_;
}

Encoder* CommandBuffer::blit_encoder() {
  if (!can_open_encoder("blitCommandEncoder")) return nullptr;
  open_ = autoreleased(new BlitEncoder(*this));
  return open_;
}

void CommandBuffer::enqueue() {
  const auto lock = Gpu::instance().lock();
  if (state == Status::kNotEnqueued) {
    Gpu::instance().enqueue(*this);
  } else {
    fault("-[MTLCommandBuffer enqueue]: the command buffer is enqueued or committed already");
  }
}

void CommandBuffer::mark_in_flight(bool in_flight) {
  if (retains_) return;
  for (const BoundArgument& bound : list_.bindings) {
    if (bound.buffer && in_flight) bound.buffer->begin_use();
    if (bound.buffer && !in_flight) bound.buffer->end_use();
  }
}

void CommandBuffer::commit() {
  if (open_ != nullptr) {
    fault("-[MTLCommandBuffer commit]: an encoder is open");
    open_->force_end();
    open_ = nullptr;
  }
  std::vector<Hold<Buffer>> reachable = queue_->resident();
  for (const Ref<ResidencySet>& set : sets_) {
    for (Hold<Buffer>& buffer : set->committed()) reachable.push_back(std::move(buffer));
  }
  const auto lock = Gpu::instance().lock();
  if (state != Status::kNotEnqueued && state != Status::kEnqueued) {
    fault("-[MTLCommandBuffer commit]: committed already");
    return;
  }
  resident = std::move(reachable);
  order.commit_tick = EncoderOrder::instance().tick();
  const Plan plan = plan_for_commit(options_);
  number = plan.number;
  planned_error = plan.error;
  hangs = plan.hangs;
  least = std::chrono::microseconds(plan.least_us);
  ready_at = std::chrono::steady_clock::now() + std::chrono::microseconds(options_.delay_us);
  mark_in_flight(true);
  count(counting().commits);
  Gpu::instance().commit(*this);
}

void CommandBuffer::wait_until_scheduled() {
  auto lock = Gpu::instance().lock();
  if (state == Status::kNotEnqueued || state == Status::kEnqueued) {
    fault("-[MTLCommandBuffer waitUntilScheduled]: before commit");
    return;
  }
  Gpu::instance().changed().wait(lock, [&] { return state == Status::kScheduled || is_over(state); });
}

void CommandBuffer::wait_until_completed() {
  auto lock = Gpu::instance().lock();
  if (state == Status::kNotEnqueued || state == Status::kEnqueued) {
    fault("-[MTLCommandBuffer waitUntilCompleted]: before commit");
    return;
  }
  if (Gpu::instance().on_driver_thread()) {
    fault("-[MTLCommandBuffer waitUntilCompleted]: on the driver's thread, in a handler");
    Gpu::instance().changed().wait(lock, [&] { return is_over(state); });
    return;
  }
  Gpu::instance().changed().wait(lock, [&] { return finished; });
}

unsigned long CommandBuffer::status() {
  const auto lock = Gpu::instance().lock();
  return static_cast<unsigned long>(state);
}

Error* CommandBuffer::error() {
  const auto lock = Gpu::instance().lock();
  return error_.get();
}

void CommandBuffer::make_error() {
  if (failure) error_ = Ref<Error>::adopt(new Error(kCommandBufferErrors, failure->code, failure->text));
}

void CommandBuffer::add_handler(const char* selector, std::vector<BlockRef>& handlers, Block* block) {
  const auto lock = Gpu::instance().lock();
  if (state != Status::kNotEnqueued && state != Status::kEnqueued) {
    fault("-[MTLCommandBuffer %s]: after commit", selector);
    return;
  }
  if (block == nullptr) {
    fault("-[MTLCommandBuffer %s]: nil", selector);
    return;
  }
  handlers.emplace_back(block);
}

void CommandBuffer::add_scheduled_handler(Block* block) {
  add_handler("addScheduledHandler:", scheduled_handlers_, block);
}

void CommandBuffer::add_completed_handler(Block* block) {
  add_handler("addCompletedHandler:", completed_handlers_, block);
}

void CommandBuffer::call_handlers(bool completed) {
  std::vector<BlockRef>& handlers = completed ? completed_handlers_ : scheduled_handlers_;
  for (const BlockRef& handler : handlers) handler(static_cast<void*>(this));
  handlers.clear();
}

// The list goes too: its holds are what keeps dead buffers in memory.
void CommandBuffer::finish() {
  list_ = {};
  retained_.clear();
  sets_.clear();
  resident.clear();
  encoder_resident.clear();
  queue_->command_buffer_ended();
}

void CommandBuffer::encode_signal(Event* event, std::uint64_t value) {
  if (!can_encode("encodeSignalEvent:value:")) return;
  if (event == nullptr || open_ != nullptr) {
    fault("-[MTLCommandBuffer encodeSignalEvent:value:]: %s", event == nullptr ? "nil" : "an encoder is open");
    return;
  }
  use(event);
  list_.commands.emplace_back(SignalEvent{Hold<Event>(event), value});
}

void CommandBuffer::encode_wait(Event* event, std::uint64_t value) {
  if (!can_encode("encodeWaitForEvent:value:")) return;
  if (event == nullptr || open_ != nullptr) {
    fault("-[MTLCommandBuffer encodeWaitForEvent:value:]: %s", event == nullptr ? "nil" : "an encoder is open");
    return;
  }
  use(event);
  list_.commands.emplace_back(WaitForEvent{Hold<Event>(event), value});
}

void CommandBuffer::use_residency_set(ResidencySet* set) {
  if (!can_encode("useResidencySet:")) return;
  if (set == nullptr) {
    fault("-[MTLCommandBuffer useResidencySet:]: nil");
  } else if (sets_.size() >= kMaxResidencySets) {
    fault("-[MTLCommandBuffer useResidencySet:]: a command buffer has at most %lu residency sets", kMaxResidencySets);
  } else {
    sets_.emplace_back(set);
  }
}

void CommandBuffer::use_residency_sets(ResidencySet* const* sets, unsigned long n) {
  for (unsigned long i = 0; i < n; ++i) use_residency_set(sets[i]);
}

double CommandBuffer::time(const char* selector, const double& value) {
  const auto lock = Gpu::instance().lock();
  if (is_over(state)) return value;
  fault("-[MTLCommandBuffer %s]: before the command buffer has completed", selector);
  return 0;
}

}  // namespace softmetal
