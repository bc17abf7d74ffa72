// SPDX-License-Identifier: Apache-2.0
#include "classes/compute_encoder.h"

#include <numeric>

#include "control/control.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

const Class& compute_encoder_class() {
  static const Class& instance =
      *new Class("MTLComputeCommandEncoder", &encoder_class(), nullptr,
                 {{"setComputePipelineState:", method<&ComputeEncoder::set_pipeline>()},
                  {"setBuffer:offset:atIndex:", method<&ComputeEncoder::set_buffer>()},
                  {"setBuffers:offsets:withRange:", method<&ComputeEncoder::set_buffers>()},
                  {"setBufferOffset:atIndex:", method<&ComputeEncoder::set_buffer_offset>()},
                  {"setBytes:length:atIndex:", method<&ComputeEncoder::set_bytes>()},
                  {"setThreadgroupMemoryLength:atIndex:", method<&ComputeEncoder::set_threadgroup_memory>()},
                  {"useResource:usage:", method<&ComputeEncoder::use_resource>()},
                  {"useResources:count:usage:", method<&ComputeEncoder::use_resources>()},
                  {"dispatchThreadgroups:threadsPerThreadgroup:", method<&ComputeEncoder::dispatch_threadgroups>()},
                  {"dispatchThreads:threadsPerThreadgroup:", method<&ComputeEncoder::dispatch_threads>()},
                  {"memoryBarrierWithScope:", method<&ComputeEncoder::barrier_with_scope>()},
                  {"memoryBarrierWithResources:count:", method<&ComputeEncoder::barrier_with_resources>()},
                  {"dispatchType", method<&ComputeEncoder::dispatch_type>()}});
  return instance;
}

[[maybe_unused]] const Class& registered = compute_encoder_class();

std::uint64_t count_of(const MetalSize& size) { return std::uint64_t{size.width} * size.height * size.depth; }

msl::Size size_of(const MetalSize& size) {
  return {static_cast<std::uint32_t>(size.width), static_cast<std::uint32_t>(size.height),
          static_cast<std::uint32_t>(size.depth)};
}

constexpr unsigned long kOffsetAlignment = 4;
constexpr unsigned long kLengthAlignment = 16;
constexpr const char* kClass = "MTLComputeCommandEncoder";

}  // namespace

ComputeEncoder::ComputeEncoder(CommandBuffer& commands, unsigned long dispatch_type)
    : Encoder(compute_encoder_class(), commands), dispatch_type_(dispatch_type) {
  commands.list().commands.emplace_back(BeginEncoder{dispatch_type == kDispatchTypeConcurrent});
}

bool ComputeEncoder::check_index(const char* selector, unsigned long index) {
  if (index > kMaxBufferIndex) fault("-[%s %s]: index %lu, the last is %lu", kClass, selector, index, kMaxBufferIndex);
  return index <= kMaxBufferIndex;
}

bool ComputeEncoder::check_offset(const char* selector, const Buffer& buffer, unsigned long offset) {
  if (offset >= buffer.size()) {
    fault("-[%s %s]: offset %lu in %s, which has %zu bytes", kClass, selector, offset, buffer.described().c_str(),
          buffer.size());
    return false;
  }
  if (offset % kOffsetAlignment != 0) {
    fault("-[%s %s]: offset %lu in %s is not a multiple of %lu", kClass, selector, offset, buffer.described().c_str(),
          kOffsetAlignment);
    return false;
  }
  return true;
}

void ComputeEncoder::set_pipeline(Pipeline* pipeline) {
  if (!can_encode("setComputePipelineState:")) return;
  if (pipeline == nullptr) fault("-[%s setComputePipelineState:]: nil", kClass);
  commands().use(pipeline);
  pipeline_ = Hold<Pipeline>(pipeline);
}

void ComputeEncoder::set_buffer(Buffer* buffer, unsigned long offset, unsigned long index) {
  constexpr const char* kSelector = "setBuffer:offset:atIndex:";
  if (!can_encode(kSelector) || !check_index(kSelector, index)) return;
  count(counting().set_buffers);
  if (buffer == nullptr) {
    is_set_ &= ~(1U << index);
    arguments_[index] = {};
    return;
  }
  if (!check_offset(kSelector, *buffer, offset)) return;
  commands().use(buffer);
  Argument& argument = arguments_[index];
  if (argument.buffer.get() != buffer) argument.buffer = Hold<Buffer>(buffer);
  argument.offset = offset;
  is_set_ |= 1U << index;
}

void ComputeEncoder::set_buffers(Buffer* const* buffers, const unsigned long* offsets, Range range) {
  for (unsigned long i = 0; i < range.length; ++i) set_buffer(buffers[i], offsets[i], range.location + i);
}

void ComputeEncoder::set_buffer_offset(unsigned long offset, unsigned long index) {
  constexpr const char* kSelector = "setBufferOffset:atIndex:";
  if (!can_encode(kSelector) || !check_index(kSelector, index)) return;
  Argument& argument = arguments_[index];
  if ((is_set_ >> index & 1U) == 0 || !argument.buffer) {
    fault("-[%s %s]: no buffer is set at index %lu", kClass, kSelector, index);
    return;
  }
  if (check_offset(kSelector, *argument.buffer.get(), offset)) argument.offset = offset;
}

void ComputeEncoder::set_bytes(const void* bytes, unsigned long n_bytes, unsigned long index) {
  constexpr const char* kSelector = "setBytes:length:atIndex:";
  if (!can_encode(kSelector) || !check_index(kSelector, index)) return;
  if (bytes == nullptr || n_bytes == 0 || n_bytes > kMaxSetBytes) {
    fault("-[%s %s]: %lu bytes; it takes 1 to %lu", kClass, kSelector, n_bytes, kMaxSetBytes);
    return;
  }
  std::vector<std::byte>& pool = commands().list().bytes;
  const auto* begin = static_cast<const std::byte*>(bytes);
  arguments_[index] = {Hold<Buffer>(), pool.size(), n_bytes};
  pool.insert(pool.end(), begin, begin + n_bytes);
  is_set_ |= 1U << index;
  count(counting().set_bytes, n_bytes);
}

void ComputeEncoder::set_threadgroup_memory(unsigned long n_bytes, unsigned long index) {
  constexpr const char* kSelector = "setThreadgroupMemoryLength:atIndex:";
  if (!can_encode(kSelector) || !check_index(kSelector, index)) return;
  if (n_bytes % kLengthAlignment != 0) {
    fault("-[%s %s]: a length of %lu bytes is not a multiple of %lu", kClass, kSelector, n_bytes, kLengthAlignment);
    return;
  }
  if (lengths_.size() <= index) lengths_.resize(index + 1);
  lengths_[index] = n_bytes;
}

void ComputeEncoder::use_resource(Buffer* buffer, unsigned long usage) {
  if (!can_encode("useResource:usage:")) return;
  if (buffer == nullptr || usage == 0) {
    fault("-[%s useResource:usage:]: nil, or a usage of nothing", kClass);
    return;
  }
  commands().use(buffer);
  commands().list().commands.emplace_back(UseResource{Hold<Buffer>(buffer)});
}

void ComputeEncoder::use_resources(Buffer* const* buffers, unsigned long n, unsigned long usage) {
  for (unsigned long i = 0; i < n; ++i) use_resource(buffers[i], usage);
}

bool ComputeEncoder::check_dispatch(const char* selector, const MetalSize& grid, const MetalSize& threads) {
  if (!pipeline_) {
    fault("-[%s %s]: no pipeline state is set", kClass, selector);
    return false;
  }
  const char* kernel = pipeline_->name().c_str();
  constexpr std::uint64_t kMaxCount = 0xffffffff;
  if (count_of(grid) == 0 || count_of(threads) == 0 || grid.width > kMaxCount || grid.height > kMaxCount ||
      grid.depth > kMaxCount) {
    fault("-[%s %s]: kernel '%s': a grid of %lu x %lu x %lu and threadgroups of %lu x %lu x %lu", kClass, selector,
          kernel, grid.width, grid.height, grid.depth, threads.width, threads.height, threads.depth);
    return false;
  }
  if (count_of(threads) > pipeline_->thread_limit()) {
    fault("-[%s %s]: kernel '%s': a threadgroup of %lu threads exceeds maxTotalThreadsPerThreadgroup, %lu", kClass,
          selector, kernel, static_cast<unsigned long>(count_of(threads)), pipeline_->thread_limit());
    return false;
  }
  if (pipeline_->wants_multiple_of_width() && count_of(threads) % 32 != 0) {
    fault("-[%s %s]: kernel '%s': a threadgroup of %lu threads; its pipeline promises a multiple of 32", kClass,
          selector, kernel, static_cast<unsigned long>(count_of(threads)));
    return false;
  }
  return check_bindings(selector) && check_threadgroup_memory(selector);
}

bool ComputeEncoder::check_bindings(const char* selector) {
  const std::uint32_t missing = pipeline_->required_buffers() & ~is_set_;
  if (missing == 0) return true;
  fault("-[%s %s]: kernel '%s': nothing is bound at buffer index %d", kClass, selector, pipeline_->name().c_str(),
        __builtin_ctz(missing));
  return false;
}

bool ComputeEncoder::check_threadgroup_memory(const char* selector) {
  const std::size_t total = std::accumulate(lengths_.begin(), lengths_.end(),
                                            static_cast<std::size_t>(pipeline_->static_threadgroup_bytes()));
  const std::size_t limit = commands().options().max_threadgroup_memory;
  if (total > limit) {
    fault("-[%s %s]: kernel '%s': %zu bytes of threadgroup memory exceed maxThreadgroupMemoryLength, %zu", kClass,
          selector, pipeline_->name().c_str(), total, limit);
    return false;
  }
  for (std::uint32_t left = pipeline_->required_threadgroup(); left != 0; left &= left - 1) {
    const auto index = static_cast<std::size_t>(__builtin_ctz(left));
    if (index < lengths_.size() && lengths_[index] > 0) continue;
    fault("-[%s %s]: kernel '%s': threadgroup memory %zu has no length set", kClass, selector,
          pipeline_->name().c_str(), index);
    return false;
  }
  return true;
}

void ComputeEncoder::dispatch(const char* selector, const MetalSize& grid, const MetalSize& threads, bool in_threads) {
  if (!can_encode(selector) || !check_dispatch(selector, grid, threads)) return;
  CommandList& list = commands().list();
  Dispatch made{.pipeline = pipeline_,
                .grid = size_of(grid),
                .threadgroup = size_of(threads),
                .grid_in_threads = in_threads,
                .first_binding = static_cast<std::uint32_t>(list.bindings.size()),
                .first_length = static_cast<std::uint32_t>(list.lengths.size()),
                .n_lengths = static_cast<std::uint32_t>(lengths_.size())};
  std::uint64_t bound_bytes = 0;
  for (std::uint32_t left = is_set_; left != 0; left &= left - 1) {
    const auto index = static_cast<std::uint32_t>(__builtin_ctz(left));
    const Argument& argument = arguments_[index];
    list.bindings.push_back({index, argument.buffer, argument.offset, argument.n_bytes});
    if (argument.buffer && (pipeline_->used_buffers() >> index & 1U) != 0) {
      bound_bytes += argument.buffer->size() - argument.offset;
    }
    ++made.n_bindings;
  }
  list.lengths.insert(list.lengths.end(), lengths_.begin(), lengths_.end());
  list.commands.emplace_back(std::move(made));
  count(counting().dispatches);
  count(counting().bound_bytes, bound_bytes);
}

void ComputeEncoder::dispatch_threadgroups(MetalSize groups, MetalSize threads) {
  dispatch("dispatchThreadgroups:threadsPerThreadgroup:", groups, threads, false);
}

void ComputeEncoder::dispatch_threads(MetalSize threads, MetalSize threads_per_group) {
  dispatch("dispatchThreads:threadsPerThreadgroup:", threads, threads_per_group, true);
}

void ComputeEncoder::barrier_with_scope(unsigned long scope) {
  if (!can_encode("memoryBarrierWithScope:")) return;
  count(counting().barriers);
  if ((scope & kBarrierScopeBuffers) != 0) commands().list().commands.emplace_back(Barrier{true, {}});
}

void ComputeEncoder::barrier_with_resources(Buffer* const* buffers, unsigned long n) {
  if (!can_encode("memoryBarrierWithResources:count:")) return;
  count(counting().barriers);
  Barrier barrier{false, {}};
  for (unsigned long i = 0; i < n; ++i) {
    commands().use(buffers[i]);
    barrier.buffers.emplace_back(buffers[i]);
  }
  commands().list().commands.emplace_back(std::move(barrier));
}

}  // namespace softmetal
