// SPDX-License-Identifier: Apache-2.0
#include "serving/block_allocator.h"

#include <algorithm>

#include "base/error.h"

namespace marlin {
namespace {

/// Of a block's tokens and what comes before. Equal keys of different blocks do no harm: contents are compared.
std::uint64_t content_key(std::uint64_t previous_content, std::span<const std::int32_t> tokens) {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15;
  std::uint64_t key = previous_content * kMultiplier;
  for (const std::int32_t token : tokens) {
    key = (key ^ static_cast<std::uint32_t>(token)) * kMultiplier;
    key ^= key >> 32;
  }
  return key;
}

}  // namespace

BlockAllocator::BlockAllocator(std::int64_t n_blocks, std::int64_t block_tokens)
    : block_tokens_(block_tokens), blocks_(static_cast<std::size_t>(n_blocks)), n_free_(n_blocks) {
  MARLIN_CHECK(n_blocks > 0 && n_blocks < kNone && block_tokens > 0);
  for (std::int64_t i = n_blocks; i > 0; --i) free_.push_back(static_cast<BlockId>(i - 1));
}

std::optional<BlockId> BlockAllocator::allocate() {
  BlockId id = kNone;
  if (!free_.empty()) {
    id = free_.back();
    free_.pop_back();
    --n_free_;
  } else if (oldest_ != kNone) {
    id = oldest_;
    delist(id);
    forget(blocks_[id]);
  } else {
    return std::nullopt;
  }
  blocks_[id].n_owners = 1;
  return id;
}

void BlockAllocator::release(BlockId id) {
  Block& block = blocks_[id];
  MARLIN_CHECK(block.n_owners > 0);
  if (--block.n_owners > 0) return;
  if (block.findable) {
    enlist(id);
  } else {
    forget(block);
    free_.push_back(id);
    ++n_free_;
  }
}

std::vector<BlockId> BlockAllocator::find_prefix(std::span<const std::int32_t> tokens) {
  std::vector<BlockId> found;
  const auto n = static_cast<std::size_t>(block_tokens_);
  std::uint64_t previous = 0;
  for (std::size_t i = 0; i + n <= tokens.size(); i += n) {
    const std::span<const std::int32_t> part = tokens.subspan(i, n);
    const Block* const block = find(previous, part, content_key(previous, part));
    if (block == nullptr) break;
    found.push_back(static_cast<BlockId>(block - blocks_.data()));
    previous = block->content;
  }
  for (const BlockId id : found) {
    if (blocks_[id].n_owners++ == 0) delist(id);
  }
  return found;
}

void BlockAllocator::publish(BlockId id, std::optional<BlockId> previous, std::span<const std::int32_t> tokens) {
  Block& block = blocks_[id];
  MARLIN_CHECK(block.n_owners > 0 && static_cast<std::int64_t>(tokens.size()) == block_tokens_);
  if (block.content != 0) return;
  const std::uint64_t previous_content = previous ? blocks_[*previous].content : 0;
  MARLIN_CHECK(!previous || previous_content != 0);
  const std::uint64_t key = content_key(previous_content, tokens);
  if (const Block* const same = find(previous_content, tokens, key)) {
    block.content = same->content;
    return;
  }
  block.content = ++n_contents_;
  block.findable = findable_.emplace(key, id).second;
  if (!block.findable) return;  // another text has the key
  block.previous_content = previous_content;
  block.key = key;
  block.tokens.assign(tokens.begin(), tokens.end());
}

void BlockAllocator::forget_contents() {
  while (oldest_ != kNone) {
    const BlockId id = oldest_;
    delist(id);
    free_.push_back(id);
    ++n_free_;
  }
  for (Block& block : blocks_) forget(block);
}

const BlockAllocator::Block* BlockAllocator::find(std::uint64_t previous_content, std::span<const std::int32_t> tokens,
                                                  std::uint64_t key) const {
  const auto found = findable_.find(key);
  if (found == findable_.end()) return nullptr;
  const Block& block = blocks_[found->second];
  const bool same = block.previous_content == previous_content && std::ranges::equal(block.tokens, tokens);
  return same ? &block : nullptr;
}

void BlockAllocator::enlist(BlockId id) {
  Block& block = blocks_[id];
  block.older = newest_;
  block.newer = kNone;
  (newest_ == kNone ? oldest_ : blocks_[newest_].newer) = id;
  newest_ = id;
  ++n_cached_;
}

void BlockAllocator::delist(BlockId id) {
  const Block& block = blocks_[id];
  (block.older == kNone ? oldest_ : blocks_[block.older].newer) = block.newer;
  (block.newer == kNone ? newest_ : blocks_[block.newer].older) = block.older;
  --n_cached_;
}

void BlockAllocator::forget(Block& block) {
  if (block.findable) findable_.erase(block.key);
  block.findable = false;
  block.content = 0;
  block.tokens.clear();
}

}  // namespace marlin
