// SPDX-License-Identifier: Apache-2.0
#include "serving/block_allocator.h"

#include <gtest/gtest.h>

#include <numeric>

namespace marlin {
namespace {

constexpr std::int64_t kTokens = 4;  // of a block

/// n tokens from `first` on.
std::vector<std::int32_t> text(std::int32_t first, std::size_t n) {
  std::vector<std::int32_t> tokens(n);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

/// Blocks that hold the whole blocks of `tokens`, published.
std::vector<BlockId> fill(BlockAllocator& blocks, const std::vector<std::int32_t>& tokens) {
  std::vector<BlockId> ids;
  for (std::size_t i = 0; i + kTokens <= tokens.size(); i += kTokens) {
    const std::optional<BlockId> previous = ids.empty() ? std::nullopt : std::optional(ids.back());
    ids.push_back(blocks.allocate().value());
    blocks.publish(ids.back(), previous, std::span(tokens).subspan(i, kTokens));
  }
  return ids;
}

void release_all(BlockAllocator& blocks, const std::vector<BlockId>& ids) {
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) blocks.release(*id);
}

TEST(BlockAllocator, GivesEveryBlockOnce) {
  BlockAllocator blocks(5, kTokens);
  std::vector<bool> given(5);
  for (int i = 0; i < 5; ++i) {
    const BlockId id = blocks.allocate().value();
    EXPECT_FALSE(given.at(id));
    given[id] = true;
  }
  EXPECT_EQ(blocks.n_available(), 0);
  EXPECT_FALSE(blocks.allocate());
  blocks.release(3);
  EXPECT_EQ(blocks.n_available(), 1);
  EXPECT_EQ(blocks.allocate(), 3U);
}

TEST(BlockAllocator, FindsTheLongestBeginningInWholeBlocks) {
  BlockAllocator blocks(8, kTokens);
  const std::vector<BlockId> ids = fill(blocks, text(0, 12));
  EXPECT_EQ(blocks.find_prefix(text(0, 12)), ids);
  EXPECT_EQ(blocks.find_prefix(text(0, 11)), std::vector<BlockId>(ids.begin(), ids.begin() + 2));
  EXPECT_TRUE(blocks.find_prefix(text(0, 3)).empty());
  std::vector<std::int32_t> other = text(0, 12);
  other[5] = 99;
  EXPECT_EQ(blocks.find_prefix(other), std::vector<BlockId>(ids.begin(), ids.begin() + 1));
}

TEST(BlockAllocator, TheSameTokensAfterOthersAreAnotherText) {
  BlockAllocator blocks(8, kTokens);
  fill(blocks, text(0, 8));
  std::vector<std::int32_t> tokens = text(100, 4);
  const std::vector<std::int32_t> end = text(4, 4);
  tokens.insert(tokens.end(), end.begin(), end.end());
  EXPECT_TRUE(blocks.find_prefix(tokens).empty());
  EXPECT_TRUE(blocks.find_prefix(end).empty());
  const std::vector<BlockId> ids = fill(blocks, tokens);
  EXPECT_EQ(blocks.find_prefix(tokens), ids);
}

TEST(BlockAllocator, ASharedBlockIsThereUntilItsLastOwnerIsGoneAndFoundAfterwards) {
  BlockAllocator blocks(2, kTokens);
  const std::vector<BlockId> ids = fill(blocks, text(0, 8));
  EXPECT_EQ(blocks.find_prefix(text(0, 8)), ids);
  release_all(blocks, ids);
  EXPECT_EQ(blocks.n_available(), 0) << "somebody has found them";
  release_all(blocks, ids);
  EXPECT_EQ(blocks.n_available(), 2);
  EXPECT_EQ(blocks.n_cached(), 2);
  EXPECT_EQ(blocks.find_prefix(text(0, 8)), ids);
  EXPECT_EQ(blocks.n_cached(), 0);
  EXPECT_FALSE(blocks.allocate());
}

TEST(BlockAllocator, WhatWasReleasedLongestAgoIsForgottenFirst) {
  BlockAllocator blocks(4, kTokens);
  const std::vector<BlockId> first = fill(blocks, text(0, 8));
  const std::vector<BlockId> second = fill(blocks, text(100, 8));
  release_all(blocks, first);
  release_all(blocks, second);
  EXPECT_EQ(blocks.find_prefix(text(0, 4)).size(), 1U);  // used again: now the newest
  blocks.release(first[0]);
  EXPECT_EQ(blocks.allocate(), first[1]) << "the end of a text before its beginning";
  EXPECT_EQ(blocks.allocate(), second[1]);
  EXPECT_EQ(blocks.allocate(), second[0]);
  EXPECT_EQ(blocks.find_prefix(text(0, 8)), (std::vector<BlockId>{first[0]}));
  EXPECT_TRUE(blocks.find_prefix(text(100, 8)).empty());
}

TEST(BlockAllocator, OfEqualBlocksTheFirstIsFoundAndTheOtherFreed) {
  BlockAllocator blocks(6, kTokens);
  const std::vector<BlockId> first = fill(blocks, text(0, 4));
  const std::vector<BlockId> second = fill(blocks, text(0, 8));
  EXPECT_NE(first[0], second[0]);
  EXPECT_EQ(blocks.find_prefix(text(0, 8)), (std::vector<BlockId>{first[0], second[1]}));
  blocks.release(second[0]);
  EXPECT_EQ(blocks.n_cached(), 0);
  EXPECT_EQ(blocks.allocate(), second[0]) << "nobody could have found it";
}

TEST(BlockAllocator, ForgettingContentsKeepsOwners) {
  BlockAllocator blocks(3, kTokens);
  const std::vector<BlockId> kept = fill(blocks, text(0, 4));
  const std::vector<BlockId> released = fill(blocks, text(50, 4));
  release_all(blocks, released);
  blocks.forget_contents();
  EXPECT_EQ(blocks.n_cached(), 0);
  EXPECT_EQ(blocks.n_available(), 2);
  EXPECT_TRUE(blocks.find_prefix(text(0, 4)).empty());
  EXPECT_TRUE(blocks.find_prefix(text(50, 4)).empty());
  blocks.publish(kept[0], std::nullopt, text(7, 4));
  EXPECT_EQ(blocks.find_prefix(text(7, 4)), kept);
}

}  // namespace
}  // namespace marlin
