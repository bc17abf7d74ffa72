// SPDX-License-Identifier: Apache-2.0
// Blocks by their ABI: what host code passes as a handler. Global blocks are never copied; stack blocks are, with the
// helpers of their descriptor.
#pragma once

#include "runtime/object.h"

namespace softmetal {

struct BlockDescriptor {
  unsigned long reserved;
  unsigned long size;
  void (*copy)(void* to, const void* from);  // these two only if kBlockHasHelpers
  void (*dispose)(const void* block);
};

struct Block {
  void* isa;
  int flags;
  int reserved;
  void (*invoke)(void* block, ...);
  BlockDescriptor* descriptor;
};

/// A block that stays until released: `block` itself or a copy on the heap.
Block* copy_block(Block* block);
void release_block(Block* block);

/// Owns one reference to a block.
class BlockRef {
 public:
  BlockRef() = default;
  explicit BlockRef(Block* block) : block_(block != nullptr ? copy_block(block) : nullptr) {}
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  BlockRef(const BlockRef&) = delete;
  BlockRef& operator=(const BlockRef&) = delete;
  ~BlockRef() {
    if (block_ != nullptr) release_block(block_);
  }

  /// Calls it with these arguments.
  template <class... A>
  void operator()(A... arguments) const {
    reinterpret_cast<void (*)(void*, A...)>(block_->invoke)(block_, arguments...);
  }
  explicit operator bool() const { return block_ != nullptr; }

 private:
  Block* block_ = nullptr;
};

}  // namespace softmetal
