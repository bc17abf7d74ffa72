// SPDX-License-Identifier: Apache-2.0
// Sorted texts come in the order of the walk, so the tree is built in one pass.
#include "grammar/token_trie.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace marlin {

TokenTrie::TokenTrie(std::span<const std::string> bytes, std::vector<std::uint32_t> ids) : ids_(std::move(ids)) {
  std::sort(ids_.begin(), ids_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return std::tie(bytes[a], a) < std::tie(bytes[b], b); });
  std::vector<std::uint32_t> path{0};  // from the root to the last node
  nodes_.push_back({.end = 0, .first_token = 0, .depth = 0, .byte = 0});
  const auto close_to = [&](std::size_t depth) {
    for (; path.size() > depth; path.pop_back()) nodes_[path.back()].end = static_cast<std::uint32_t>(nodes_.size());
  };
  for (std::uint32_t i = 0; i < ids_.size(); ++i) {
    const std::string& text = bytes[ids_[i]];
    const std::string_view before = i == 0 ? std::string_view() : bytes[ids_[i - 1]];
    const auto common = static_cast<std::size_t>(
        std::mismatch(before.begin(), before.end(), text.begin(), text.end()).first - before.begin());
    close_to(common + 1);
    for (std::size_t n = common; n < text.size(); ++n) {
      path.push_back(static_cast<std::uint32_t>(nodes_.size()));
      nodes_.push_back({.end = 0,
                        .first_token = i,
                        .depth = static_cast<std::uint16_t>(n + 1),
                        .byte = static_cast<std::uint8_t>(text[n])});
    }
    max_depth_ = std::max(max_depth_, text.size());
  }
  close_to(0);
  nodes_.push_back({.end = 0, .first_token = static_cast<std::uint32_t>(ids_.size()), .depth = 0, .byte = 0});
}

}  // namespace marlin
