// SPDX-License-Identifier: Apache-2.0
// Memory that host and GPU share: whole pages, wrapped without a copy, resident for as long as the buffer lives.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "backends/metal/metal_context.h"
#include "base/memory.h"
#include "device/buffer.h"

namespace marlin::metal {

class MetalBuffer final : public Buffer {
 public:
  /// Zeroed memory of its own. Errors: kOutOfMemory.
  static std::unique_ptr<MetalBuffer> allocate(std::shared_ptr<MetalContext> context, std::size_t bytes,
                                               std::string label);

  /// Memory of somebody else, read-only: as it is if it begins at a page, which mapped files do, else a copy.
  /// Errors: kOutOfMemory, also for a region larger than one buffer of this GPU may be.
  static std::unique_ptr<MetalBuffer> wrap(std::shared_ptr<MetalContext> context, std::span<const std::byte> memory,
                                           std::string label);

  ~MetalBuffer() override;

  /// The MTLBuffer.
  [[nodiscard]] objc::Id object() const { return object_.get(); }

 private:
  MetalBuffer(std::shared_ptr<MetalContext> context, std::string label, std::span<const std::byte> memory,
              PageMemory owned, objc::Owned object, ResidentKind kind);

  std::shared_ptr<MetalContext> context_;
  PageMemory owned_;  // empty when wrapped
  objc::Owned object_;
  ResidentKind kind_;
};

}  // namespace marlin::metal
