// SPDX-License-Identifier: Apache-2.0
// Which tokens of a vocabulary a grammar allows next. One per tokenizer, shared by all requests; the sampler sets the
// logits of the others to minus infinity. Surprise: what a place of a grammar allows is found once and remembered, for
// the place alone, without the calls that led there. Only tokens that go on behind the end of its rule are looked at
// every time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "grammar/grammar_state.h"
#include "grammar/token_trie.h"

namespace marlin {

/// All methods may be called from several threads.
class TokenMasker {
 public:
  /// `tokens[id]` are the bytes of a token; without bytes (special tokens) it is never allowed. `end_ids` are the
  /// tokens that end a text, allowed where the grammar may end and only there, whatever their bytes.
  /// Error: kInvalidArgument for an id that is not of the vocabulary, or a token longer than 65535 bytes.
  TokenMasker(std::vector<std::string> tokens, std::vector<std::uint32_t> end_ids);

  [[nodiscard]] std::size_t n_tokens() const { return tokens_.size(); }
  /// Words that mask() writes.
  [[nodiscard]] std::size_t n_words() const { return (tokens_.size() + 31) / 32; }
  /// Empty for tokens that end a text. `id` must be of the vocabulary.
  [[nodiscard]] const std::string& bytes(std::uint32_t id) const { return tokens_[id]; }
  [[nodiscard]] bool is_end(std::uint32_t id) const;

  /// Sets bit `id % 32` of `bits[id / 32]` for every token that may follow, and clears the bits of all others.
  /// `bits` has at least n_words() words; more are left as they are.
  void mask(const GrammarState& state, std::span<std::uint32_t> bits) const;

 private:
  // A place of a grammar: position, then the repetitions in progress above the last call: (position, count)...
  using Place = std::vector<std::uint32_t>;

  struct HashPlace {
    std::size_t operator()(const Place& place) const;
  };

  // What a place allows: tokens that end within its rule or at its end, as ids or, if they are many, as bits; and the
  // nodes of short_tokens_ where the rule ends and longer tokens go on.
  struct Allowed {
    std::vector<std::uint32_t> ids;
    std::vector<std::uint32_t> bits;
    std::vector<std::uint32_t> ends;
  };

  struct GrammarMemory {
    std::shared_ptr<const GrammarProgram> program;  // so that its address stays its own
    std::unordered_map<Place, std::shared_ptr<const Allowed>, HashPlace> places;
  };

  [[nodiscard]] std::uint32_t representative_count(const GrammarStep& repeat, std::uint32_t count) const;
  Place place_of(const GrammarSimulator& simulator, const GrammarThread& thread, StackId& below) const;
  [[nodiscard]] Allowed find_allowed(const Grammar& grammar, const Place& place) const;
  std::shared_ptr<const Allowed> allowed_at(const Grammar& grammar, const Place& place) const;
  void remember(const Grammar& grammar, const Place& place, const std::shared_ptr<const Allowed>& allowed) const;

  std::vector<std::string> tokens_;
  std::vector<std::uint32_t> end_ids_;  // sorted
  std::unique_ptr<const TokenTrie> short_tokens_;
  std::unique_ptr<const TokenTrie> long_tokens_;  // few; looked at every time

  mutable std::mutex mutex_;  // guards what is below
  mutable std::unordered_map<const GrammarProgram*, GrammarMemory> memory_;
  mutable std::size_t memory_bytes_ = 0;
};

}  // namespace marlin
