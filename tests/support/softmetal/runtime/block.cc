// SPDX-License-Identifier: Apache-2.0
#include "runtime/block.h"

#include <cstdlib>
#include <cstring>

#include "runtime/export.h"
#include "tests/support/unseen/unseen.h"

// What the first word of a block holds. Host code only takes their addresses.
extern "C" {
SOFTMETAL_EXPORT void* _NSConcreteGlobalBlock[32] = {};  // NOLINT(bugprone-reserved-identifier)
SOFTMETAL_EXPORT void* _NSConcreteStackBlock[32] = {};   // NOLINT(bugprone-reserved-identifier)
}

namespace softmetal {
namespace {

void* malloc_block_isa[1] = {};

constexpr int kIsGlobal = 1 << 28;
constexpr int kHasHelpers = 1 << 25;
constexpr int kOneReference = 2;  // counted in twos, from bit 1 on
constexpr int kReferences = 0xfffe;

}  // namespace

Block* copy_block(Block* block) {
  if ((block->flags & kIsGlobal) != 0 || block->isa == static_cast<void*>(_NSConcreteGlobalBlock)) return block;
  if (block->isa == static_cast<void*>(malloc_block_isa)) {
    __atomic_fetch_add(&block->flags, kOneReference, __ATOMIC_RELAXED);
    return block;
  }
  auto* copy = static_cast<Block*>(marlin::test::allocate_unseen(block->descriptor->size));
  std::memcpy(static_cast<void*>(copy), block, block->descriptor->size);
  copy->isa = static_cast<void*>(malloc_block_isa);
  copy->flags = (block->flags & ~kReferences) | kOneReference;
  if ((copy->flags & kHasHelpers) != 0) copy->descriptor->copy(copy, block);
  return copy;
}

void release_block(Block* block) {
  if (block->isa != static_cast<void*>(malloc_block_isa)) return;
  const int flags = __atomic_sub_fetch(&block->flags, kOneReference, __ATOMIC_ACQ_REL);
  if ((flags & kReferences) != 0) return;
  if ((flags & kHasHelpers) != 0) block->descriptor->dispose(block);
  std::free(block);
}

}  // namespace softmetal

extern "C" {

SOFTMETAL_EXPORT void* _Block_copy(const void* block) {  // NOLINT(bugprone-reserved-identifier)
  return block == nullptr ? nullptr : softmetal::copy_block(static_cast<softmetal::Block*>(const_cast<void*>(block)));
}

SOFTMETAL_EXPORT void _Block_release(const void* block) {  // NOLINT(bugprone-reserved-identifier)
  if (block != nullptr) softmetal::release_block(static_cast<softmetal::Block*>(const_cast<void*>(block)));
}

}  // extern "C"
