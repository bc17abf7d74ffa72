// SPDX-License-Identifier: Apache-2.0
// Who owns which block of the key-value cache, and which blocks hold the beginning of a text that somebody may want
// again. The scheduler allocates and releases; nothing here touches the device. A block that is full never changes, so
// it may have many owners; one that is being filled has one owner. A published block without owners stays findable
// until its memory is wanted, least recently released first.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace marlin {

/// Number of a block of a KvCache.
using BlockId = std::uint32_t;

class BlockAllocator {
 public:
  BlockAllocator(std::int64_t n_blocks, std::int64_t block_tokens);

  [[nodiscard]] std::int64_t n_blocks() const { return static_cast<std::int64_t>(blocks_.size()); }
  [[nodiscard]] std::int64_t block_tokens() const { return block_tokens_; }

  /// Blocks that allocate() can still give.
  [[nodiscard]] std::int64_t n_available() const { return n_free_ + n_cached_; }

  /// Blocks without owners that are kept because they may be found again.
  [[nodiscard]] std::int64_t n_cached() const { return n_cached_; }

  /// A block with one owner and undefined contents; none when every block has owners.
  std::optional<BlockId> allocate();

  /// One owner less.
  void release(BlockId block);

  /// The longest beginning of `tokens` that is held, in whole blocks; the caller becomes an owner of each.
  std::vector<BlockId> find_prefix(std::span<const std::int32_t> tokens);

  /// Makes a full block findable: it holds block_tokens tokens that follow those of `previous`, which has been
  /// published (none: they are the first). Of equal blocks the first one published is found.
  void publish(BlockId block, std::optional<BlockId> previous, std::span<const std::int32_t> tokens);

  /// Forgets what blocks hold, as after a failure of the device. Owners stay.
  void forget_contents();

 private:
  static constexpr BlockId kNone = UINT32_MAX;

  struct Block {
    std::uint32_t n_owners = 0;
    bool findable = false;
    std::uint64_t content = 0;           // the same for equal tokens after equal tokens; 0 = unknown
    std::uint64_t previous_content = 0;  // 0 = none: the first of a text
    std::uint64_t key = 0;               // in findable_
    std::vector<std::int32_t> tokens;
    BlockId older = kNone;  // among those without owners, by release
    BlockId newer = kNone;
  };

  [[nodiscard]] const Block* find(std::uint64_t previous_content, std::span<const std::int32_t> tokens,
                                  std::uint64_t key) const;
  void enlist(BlockId block);
  void delist(BlockId block);
  void forget(Block& block);

  std::int64_t block_tokens_;
  std::vector<Block> blocks_;
  std::vector<BlockId> free_;  // those without contents
  std::unordered_map<std::uint64_t, BlockId> findable_;
  std::int64_t n_free_;
  std::int64_t n_cached_ = 0;
  BlockId oldest_ = kNone;
  BlockId newest_ = kNone;
  std::uint64_t n_contents_ = 0;
};

}  // namespace marlin
