// SPDX-License-Identifier: Apache-2.0
// Finds stop strings in text that arrives in pieces. The session passes every piece of decoded text through it and
// emits what comes back. Surprise: the first stop string to be complete wins, whatever the pieces, because generation
// ends there; of several that end at the same byte, the longest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace marlin {

/// An Aho-Corasick automaton over bytes: time linear in the text, memory linear in the stop strings. Text that may be
/// the beginning of a stop string is held back, at most one byte less than the longest stop string.
class StopMatcher {
 public:
  /// `stops` may be none. Errors: kInvalidArgument for an empty string.
  explicit StopMatcher(std::span<const std::string> stops);

  /// Takes the next piece, which is not part of `out`; appends to `out` the text that is now certain to lie before any
  /// stop string. Nothing once matched(). Allocates only to grow `out`, which for a moment also holds what is then held
  /// back.
  void push(std::string_view piece, std::string& out);

  /// The end of the text: appends what was held back, which no stop string completed. Nothing once matched().
  /// Afterwards the matcher is as new, unless it has matched.
  void flush(std::string& out);

  /// Whether a stop string has appeared.
  [[nodiscard]] bool matched() const noexcept { return match_.has_value(); }

  /// Which one: an index into `stops`, the first of equal strings.
  [[nodiscard]] std::optional<std::size_t> match() const noexcept { return match_; }

 private:
  static constexpr std::int32_t kNone = -1;

  // A prefix of a stop string. Children are a list: stop strings are few.
  struct Node {
    std::int32_t first_child = kNone;
    std::int32_t next_sibling = kNone;
    std::int32_t failure = 0;    // the longest proper suffix that is a node
    std::int32_t match = kNone;  // the longest stop string that ends here: index
    std::size_t depth = 0;       // bytes of the prefix
    unsigned char byte = 0;
  };

  void insert(std::string_view stop, std::int32_t index);
  void link_failures();
  [[nodiscard]] std::int32_t child(std::int32_t node, unsigned char byte) const;
  [[nodiscard]] std::int32_t step(std::int32_t node, unsigned char byte) const;

  std::vector<Node> nodes_;
  std::vector<std::size_t> stop_bytes_;
  std::int32_t state_ = 0;
  std::string held_;  // the last depth(state_) bytes of the text
  std::optional<std::size_t> match_;
};

}  // namespace marlin
