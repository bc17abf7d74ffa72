// SPDX-License-Identifier: Apache-2.0
// A vocabulary as a tree of bytes, so that tokens that begin alike are looked at once. TokenMasker builds it, TrieWalk
// walks it. Surprise: it has no pointers. Nodes lie in the order of a depth-first walk and each knows where the walk
// goes on if its children are left out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace marlin {

class TokenTrie {
 public:
  /// Node 0 is the empty text. The children of a node lie between it and its end.
  struct Node {
    std::uint32_t end;          ///< the next node that is not below this one
    std::uint32_t first_token;  ///< in tokens(); those of the node end where the next node's begin
    std::uint16_t depth;        ///< bytes
    std::uint8_t byte;          ///< the last of them
  };

  /// The tokens `ids`, which index `bytes` and are at most 65535 bytes long.
  TokenTrie(std::span<const std::string> bytes, std::vector<std::uint32_t> ids);

  [[nodiscard]] const Node& operator[](std::uint32_t node) const { return nodes_[node]; }
  /// Ids of the tokens that end at `node`.
  [[nodiscard]] std::span<const std::uint32_t> tokens(std::uint32_t node) const {
    return std::span(ids_).subspan(nodes_[node].first_token, nodes_[node + 1].first_token - nodes_[node].first_token);
  }
  [[nodiscard]] std::size_t max_depth() const { return max_depth_; }

 private:
  std::vector<Node> nodes_;  // and one behind the last
  std::vector<std::uint32_t> ids_;
  std::size_t max_depth_ = 0;
};

}  // namespace marlin
