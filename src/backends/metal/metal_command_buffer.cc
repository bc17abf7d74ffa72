// SPDX-License-Identifier: Apache-2.0
#include "backends/metal/metal_command_buffer.h"

#include <cstring>
#include <utility>

#include "backends/metal/api.h"
#include "backends/metal/metal_buffer.h"
#include "backends/metal/metal_clock.h"
#include "backends/metal/metal_error.h"
#include "base/error.h"
#include "device/kernel_error.h"

namespace marlin::metal {

MetalCommandBuffer::MetalCommandBuffer(std::string label, std::shared_ptr<MetalContext> context)
    : CommandBuffer(std::move(label)),
      context_(std::move(context)),
      failure_record_(MetalBuffer::allocate(context_, sizeof(abi::KernelFailure), "failure of a kernel")) {}

MetalCommandBuffer::~MetalCommandBuffer() {
  if (encoder_) api::encoder::end_encoding(encoder_.get());
}

void MetalCommandBuffer::encode(std::string_view name, std::span<const std::byte> arguments,
                                std::span<const Binding> bindings, bool barrier) {
  const MetalKernel* const kernel = find_kernel(name);
  if (kernel == nullptr) fail(ErrorCode::kDevice, "the metal backend has no kernel '{}'", name);
  MARLIN_CHECK(arguments.size() == kernel->argument_bytes);
  MARLIN_CHECK(bindings.size() == kernel->n_bindings);
  barrier_due_ = barrier_due_ || barrier;
  const FunctionConstants constants =
      kernel->constants == nullptr ? FunctionConstants{} : kernel->constants(arguments.data());
  const Pipeline& pipeline = context_->pipelines.find(*kernel, constants);
  const Grid grid = kernel->grid(arguments.data(), pipeline.n_threads);
  if (grid.count() == 0) return;

  if (!encoder_) begin_encoding();
  const objc::Id encoder = encoder_.get();
  if (std::exchange(barrier_due_, false)) api::encoder::memory_barrier(encoder);
  if (std::exchange(pipeline_, &pipeline) != &pipeline) api::encoder::set_pipeline(encoder, pipeline.state.get());
  api::encoder::set_bytes(encoder, arguments.data(), arguments.size(), 0);
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    const BufferView& view = bindings[i].view;
    const std::size_t offset = view.bytes == 0 ? 0 : view.offset;  // the end of a buffer is no place in it
    api::encoder::set_buffer(encoder, static_cast<MetalBuffer*>(view.buffer)->object(), offset, i + 1);
  }
  if (kernel->can_fail) {
    api::encoder::set_buffer(encoder, static_cast<MetalBuffer&>(*failure_record_).object(), 0,
                             abi::kKernelFailureIndex);
  }
  api::encoder::dispatch_threadgroups(encoder, {grid.x, grid.y, grid.z}, {pipeline.n_threads, 1, 1});
}

void MetalCommandBuffer::open() {
  const objc::AutoreleasePool pool;
  commands_ = objc::Owned::retain(api::queue::command_buffer(context_->queue_object.get()));
  if (!commands_) fail(ErrorCode::kDevice, "Metal refused a command buffer for {}", label());
  if (context_->capture.active()) api::command_buffer::set_label(commands_.get(), label());
}

void MetalCommandBuffer::begin_encoding() {
  const objc::AutoreleasePool pool;
  if (!commands_) open();
  encoder_ = objc::Owned::retain(api::command_buffer::compute_encoder(commands_.get(), api::kConcurrentDispatch));
  if (!encoder_) fail(ErrorCode::kDevice, "Metal refused an encoder for {}", label());
  context_->residency.declare(encoder_.get());
  api::encoder::wait_for_fence(encoder_.get(), context_->fence.get());
}

void MetalCommandBuffer::submit() {
  if (!commands_) open();
  if (encoder_) {
    api::encoder::update_fence(encoder_.get(), context_->fence.get());
    api::encoder::end_encoding(encoder_.get());
    encoder_.reset();
  }
  context_->residency.commit();
  context_->queue.push(std::static_pointer_cast<MetalCommandBuffer>(shared_from_this()));
}

void MetalCommandBuffer::commit_to_metal() {
  const objc::AutoreleasePool pool;
  objc::Block<MetalCommandBuffer> handler([](MetalCommandBuffer* self, objc::Id /*commands*/) { self->on_executed(); },
                                          this);
  api::command_buffer::add_completed_handler(commands_.get(), handler.get());
  api::command_buffer::commit(commands_.get());
  context_->capture.count();
}

void MetalCommandBuffer::on_executed() {
  const objc::AutoreleasePool pool;
  const std::shared_ptr<MetalContext> context = context_;  // `this` may be gone when executed() returns
  failure_ = command_buffer_error(commands_.get(), label());
  if (!failure_) {
    abi::KernelFailure record{};
    std::memcpy(&record, failure_record_->host(), sizeof(record));
    failure_ = kernel_error(record, label());
  }
  const GpuClock clock;
  execution_times_ = {clock.steady_time(api::command_buffer::gpu_start_time(commands_.get())),
                      clock.steady_time(api::command_buffer::gpu_end_time(commands_.get()))};
  context->queue.executed(*this);
}

void MetalCommandBuffer::end(const std::optional<Error>& error) { finish(error, execution_times_); }

void MetalCommandBuffer::clear() {
  if (encoder_) api::encoder::end_encoding(encoder_.get());
  encoder_.reset();
  commands_.reset();
  pipeline_ = nullptr;
  barrier_due_ = false;
  executed = false;
  failure_.reset();
  std::memset(failure_record_->host(), 0, sizeof(abi::KernelFailure));
}

}  // namespace marlin::metal
