// SPDX-License-Identifier: Apache-2.0
// See trie_walk.h. A state beyond the table is numbered by the depth it was met at, where the next one replaces it.
#include "grammar/trie_walk.h"

#include <algorithm>

namespace marlin {

TrieWalk::TrieWalk(GrammarSimulator simulator) : simulator_(std::move(simulator)) { state_of({}); }

TrieWalk::State TrieWalk::state_of(GrammarThreads threads) {
  threads.too_ambiguous = false;  // such a state is as dead as others
  std::sort(threads.threads.begin(), threads.threads.end());
  const auto inserted = states_.insert(threads);
  if (inserted.is_new) table_.emplace_back().fill(kUnknown);
  return inserted.index;
}

const GrammarThreads& TrieWalk::threads_of(State state) const {
  return state < states_.size() ? states_[state] : unlisted_[kUnknown - 1 - state];
}

TrieWalk::State TrieWalk::next(State state, std::uint8_t byte, std::size_t depth) {
  const bool listed = state < table_.size();
  GrammarThreads threads;
  simulator_.advance(threads_of(state), byte, threads);
  if (!threads.dead() && states_.size() >= kMaxTableStates) {
    unlisted_[depth] = std::move(threads);
    return kUnknown - 1 - static_cast<State>(depth);
  }
  const State found = state_of(std::move(threads));
  if (listed) table_[state][byte] = found;
  return found;
}

void TrieWalk::walk(const TokenTrie& trie, std::uint32_t node, State state, std::vector<std::uint32_t>& taken,
                    std::vector<std::uint32_t>* ends) {
  path_.resize(trie.max_depth() + 1);
  unlisted_.resize(trie.max_depth() + 1);
  path_[trie[node].depth] = state;
  for (std::uint32_t i = node + 1; i < trie[node].end;) {
    const TokenTrie::Node& at = trie[i];
    const State before = path_[at.depth - 1U];
    State reached = before < table_.size() ? table_[before][at.byte] : kUnknown;
    if (reached == kUnknown) reached = next(before, at.byte, at.depth);
    if (reached == kDead) {
      i = at.end;
      continue;
    }
    path_[at.depth] = reached;
    for (const std::uint32_t id : trie.tokens(i)) taken.push_back(id);
    ++i;
    if (ends != nullptr && i < at.end && threads_of(reached).at_end) ends->push_back(i - 1);
  }
}

}  // namespace marlin
