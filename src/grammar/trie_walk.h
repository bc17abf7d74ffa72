// SPDX-License-Identifier: Apache-2.0
// Finds the tokens that a grammar can take from some place on. TokenMasker makes one per question. Surprise: it turns
// what it meets of the automaton into a table of states as it goes, since most bytes of most tokens meet the same few.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "grammar/grammar_simulator.h"
#include "grammar/token_trie.h"

namespace marlin {

class TrieWalk {
 public:
  using State = std::uint32_t;

  /// Stacks that states refer to are those of `simulator`.
  explicit TrieWalk(GrammarSimulator simulator);

  [[nodiscard]] GrammarSimulator& simulator() { return simulator_; }

  /// Valid until the next walk.
  State state_of(GrammarThreads threads);

  /// Looks at all that lies below `node`, where the grammar is in `state`. Appends to `taken` the tokens that can be
  /// taken whole, and, unless it is null, to `ends` those nodes with others below them at which the empty stack was
  /// returned to: nothing of the grammar follows there, but the tokens below may go on elsewhere.
  void walk(const TokenTrie& trie, std::uint32_t node, State state, std::vector<std::uint32_t>& taken,
            std::vector<std::uint32_t>* ends);

 private:
  static constexpr State kDead = 0;
  static constexpr State kUnknown = kUnbounded;
  static constexpr std::size_t kMaxTableStates = 4096;

  struct HashThreads {
    std::size_t operator()(const GrammarThreads& set) const {
      std::size_t hash = set.at_end ? 1 : 0;
      for (const GrammarThread& t : set.threads) hash = mix_hash(mix_hash(hash, t.stack), t.position);
      return mix_hash(hash, set.threads.size());
    }
  };

  /// What `byte` leads to, which the table does not say yet; `depth` is where in the walk.
  State next(State state, std::uint8_t byte, std::size_t depth);
  [[nodiscard]] const GrammarThreads& threads_of(State state) const;

  GrammarSimulator simulator_;
  InternTable<GrammarThreads, HashThreads> states_;
  std::vector<std::array<State, 256>> table_;
  std::vector<GrammarThreads> unlisted_;  // once the table is full: the state at each depth of the walk
  std::vector<State> path_;               // at each depth
};

}  // namespace marlin
