// SPDX-License-Identifier: Apache-2.0
#include "backends/metal/metal_buffer.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "backends/metal/api.h"
#include "base/error.h"

namespace marlin::metal {
namespace {

std::size_t page_bytes() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

std::size_t whole_pages(std::size_t bytes) {
  const std::size_t page = page_bytes();
  return std::max<std::size_t>(1, (bytes + page - 1) / page) * page;
}

objc::Owned make_object(const MetalContext& context, const std::byte* memory, std::size_t bytes,
                        const std::string& label) {
  const objc::AutoreleasePool pool;
  const objc::Id device = context.device.get();
  const std::size_t length = whole_pages(bytes);
  if (const auto most = api::device::max_buffer_length(device); length > most) {
    fail(ErrorCode::kOutOfMemory, "'{}' takes {} bytes in one piece; this GPU's buffers hold at most {}", label, length,
         most);
  }
  objc::Owned object = api::device::new_buffer_no_copy(device, const_cast<std::byte*>(memory), length,
                                                       api::kSharedStorage | api::kUntracked);
  if (!object) fail(ErrorCode::kOutOfMemory, "Metal refused {} bytes for '{}'", length, label);
  api::buffer::set_label(object.get(), label);
  return object;
}

}  // namespace

MetalBuffer::MetalBuffer(std::shared_ptr<MetalContext> context, std::string label, std::span<const std::byte> memory,
                         PageMemory owned, objc::Owned object, ResidentKind kind)
    : Buffer(std::move(label), memory.size(), api::buffer::gpu_address(object.get()),
             const_cast<std::byte*>(memory.data())),  // wrapped memory is only ever read: Device::wrap
      context_(std::move(context)),
      owned_(std::move(owned)),
      object_(std::move(object)),
      kind_(kind) {
  context_->residency.add(kind_, object_.get());
}

MetalBuffer::~MetalBuffer() { context_->residency.remove(kind_, object_.get()); }

std::unique_ptr<MetalBuffer> MetalBuffer::allocate(std::shared_ptr<MetalContext> context, std::size_t bytes,
                                                   std::string label) {
  PageMemory memory(whole_pages(bytes));
  const std::span<const std::byte> range(memory.data(), bytes);
  objc::Owned object = make_object(*context, memory.data(), bytes, label);
  return std::unique_ptr<MetalBuffer>(new MetalBuffer(std::move(context), std::move(label), range, std::move(memory),
                                                      std::move(object), ResidentKind::kBuffers));
}

std::unique_ptr<MetalBuffer> MetalBuffer::wrap(std::shared_ptr<MetalContext> context, std::span<const std::byte> memory,
                                               std::string label) {
  if (reinterpret_cast<std::uintptr_t>(memory.data()) % page_bytes() != 0) {
    auto copy = allocate(std::move(context), memory.size(), std::move(label));
    std::copy(memory.begin(), memory.end(), copy->host());
    return copy;
  }
  objc::Owned object = make_object(*context, memory.data(), memory.size(), label);
  return std::unique_ptr<MetalBuffer>(
      new MetalBuffer(std::move(context), std::move(label), memory, {}, std::move(object), ResidentKind::kWeights));
}

}  // namespace marlin::metal
