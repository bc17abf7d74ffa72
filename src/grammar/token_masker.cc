// SPDX-License-Identifier: Apache-2.0
// See token_masker.h. The tokens of a place are found by a walk on an empty stack: where the walk returns to the empty
// stack, the text goes on with whatever calls really lie below, and mask() walks on from there with those.
#include "grammar/token_masker.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "grammar/trie_walk.h"

namespace marlin {
namespace {

// Longer tokens would make the counts of repetitions that must be told apart more.
constexpr std::size_t kMaxShortBytes = 32;
constexpr std::size_t kMaxMemoryBytes = std::size_t{64} << 20U;
constexpr std::size_t kMaxPlaceWords = 9;  // a position and four repetitions

void set_bit(std::span<std::uint32_t> bits, std::uint32_t id) { bits[id / 32] |= 1U << (id % 32); }

}  // namespace

TokenMasker::TokenMasker(std::vector<std::string> tokens, std::vector<std::uint32_t> end_ids)
    : tokens_(std::move(tokens)), end_ids_(std::move(end_ids)) {
  constexpr std::size_t kMaxTokenBytes = 65535;
  std::sort(end_ids_.begin(), end_ids_.end());
  for (const std::uint32_t id : end_ids_) {
    if (id >= tokens_.size()) {
      fail(ErrorCode::kInvalidArgument, "token {} ends a text, but the vocabulary has {} tokens", id, tokens_.size());
    }
    tokens_[id].clear();
  }
  std::vector<std::uint32_t> short_ids;
  std::vector<std::uint32_t> long_ids;
  for (std::uint32_t id = 0; id < tokens_.size(); ++id) {
    const std::size_t n_bytes = tokens_[id].size();
    if (n_bytes > kMaxTokenBytes) fail(ErrorCode::kInvalidArgument, "token {} has {} bytes", id, n_bytes);
    if (n_bytes > 0) (n_bytes <= kMaxShortBytes ? short_ids : long_ids).push_back(id);
  }
  short_tokens_ = std::make_unique<TokenTrie>(tokens_, std::move(short_ids));
  long_tokens_ = std::make_unique<TokenTrie>(tokens_, std::move(long_ids));
}

bool TokenMasker::is_end(std::uint32_t id) const { return std::binary_search(end_ids_.begin(), end_ids_.end(), id); }

void TokenMasker::mask(const GrammarState& state, std::span<std::uint32_t> bits) const {
  MARLIN_CHECK(bits.size() >= n_words());
  std::fill_n(bits.begin(), n_words(), 0U);
  std::vector<std::uint32_t> taken;
  TrieWalk walk(state.simulator());
  std::vector<std::pair<StackId, TrieWalk::State>> resumed;
  for (const GrammarThread& thread : state.threads().threads) {
    StackId below = kEmptyStack;
    const Place place = place_of(state.simulator(), thread, below);
    const std::shared_ptr<const Allowed> allowed = allowed_at(state.grammar(), place);
    for (std::size_t i = 0; i < allowed->bits.size(); ++i) bits[i] |= allowed->bits[i];
    for (const std::uint32_t id : allowed->ids) set_bit(bits, id);
    if (below == kEmptyStack || allowed->ends.empty()) continue;
    auto known = std::find_if(resumed.begin(), resumed.end(), [&](const auto& r) { return r.first == below; });
    if (known == resumed.end()) {
      GrammarThreads threads;
      walk.simulator().resume(below, threads);
      known = resumed.insert(resumed.end(), {below, walk.state_of(std::move(threads))});
    }
    for (const std::uint32_t node : allowed->ends) walk.walk(*short_tokens_, node, known->second, taken, nullptr);
  }
  walk.walk(*long_tokens_, 0, walk.state_of(state.threads()), taken, nullptr);
  for (const std::uint32_t id : taken) set_bit(bits, id);
  if (state.can_end()) {
    for (const std::uint32_t id : end_ids_) set_bit(bits, id);
  }
}

std::size_t TokenMasker::HashPlace::operator()(const Place& place) const {
  std::size_t hash = 0;
  for (const std::uint32_t word : place) hash = mix_hash(hash, word);
  return hash;
}

/// A short token completes a repetition at most kMaxShortBytes times, so counts that are further than that from both
/// bounds allow the same; one stands for all of them.
std::uint32_t TokenMasker::representative_count(const GrammarStep& repeat, std::uint32_t count) const {
  if (count + kMaxShortBytes < repeat.min) return 0;
  if (count >= repeat.min && (repeat.max == kUnbounded || count + kMaxShortBytes < repeat.max)) return repeat.min;
  return count;
}

TokenMasker::Place TokenMasker::place_of(const GrammarSimulator& simulator, const GrammarThread& thread,
                                         StackId& below) const {
  Place place{thread.position};
  below = thread.stack;
  while (below != kEmptyStack && place.size() < kMaxPlaceWords) {
    const StackFrame& frame = simulator.top(below);
    if (frame.count == StackFrame::kIsCall) break;
    const GrammarStep& repeat = simulator.grammar().program().steps[frame.position];
    place.push_back(frame.position);
    place.push_back(representative_count(repeat, frame.count));
    below = frame.below;
  }
  return place;
}

TokenMasker::Allowed TokenMasker::find_allowed(const Grammar& grammar, const Place& place) const {
  GrammarSimulator simulator(grammar);
  StackId stack = kEmptyStack;
  for (std::size_t i = place.size(); i > 1; i -= 2) {
    stack = simulator.push({.position = place[i - 2], .count = place[i - 1], .below = stack});
  }
  TrieWalk walk(std::move(simulator));
  Allowed allowed;
  walk.walk(*short_tokens_, 0, walk.state_of({.threads = {{place[0], stack}}}), allowed.ids, &allowed.ends);
  if (allowed.ids.size() > n_words()) {
    allowed.bits.resize(n_words());
    for (const std::uint32_t id : allowed.ids) set_bit(allowed.bits, id);
    allowed.ids.clear();
  }
  allowed.ids.shrink_to_fit();
  allowed.ends.shrink_to_fit();
  return allowed;
}

std::shared_ptr<const TokenMasker::Allowed> TokenMasker::allowed_at(const Grammar& grammar, const Place& place) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = memory_.find(&grammar.program()); known != memory_.end()) {
      if (const auto found = known->second.places.find(place); found != known->second.places.end()) {
        return found->second;
      }
    }
  }
  auto allowed = std::make_shared<const Allowed>(find_allowed(grammar, place));
  remember(grammar, place, allowed);
  return allowed;
}

// Two threads may have found the same; then one of the two is kept.
void TokenMasker::remember(const Grammar& grammar, const Place& place,
                           const std::shared_ptr<const Allowed>& allowed) const {
  constexpr std::size_t kBytesOfAnEntry = 256;  // about what the map itself takes
  const std::size_t n_bytes = kBytesOfAnEntry + 4 * (allowed->ids.size() + allowed->bits.size() + allowed->ends.size());
  const std::lock_guard lock(mutex_);
  if (memory_bytes_ + n_bytes > kMaxMemoryBytes) {
    memory_.clear();
    memory_bytes_ = 0;
  }
  GrammarMemory& memory = memory_.try_emplace(&grammar.program(), GrammarMemory{grammar.share(), {}}).first->second;
  if (memory.places.try_emplace(place, allowed).second) memory_bytes_ += n_bytes;
}

}  // namespace marlin
