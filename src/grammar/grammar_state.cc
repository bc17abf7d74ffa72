// SPDX-License-Identifier: Apache-2.0
// See grammar_state.h. Stacks are only ever added while bytes are taken; now and then those in use are copied out.
#include "grammar/grammar_state.h"

#include <algorithm>
#include <utility>

namespace marlin {
namespace {

constexpr std::size_t kMinFramesToTidy = 512;

}  // namespace

GrammarState::GrammarState(Grammar grammar) : simulator_(std::move(grammar)), frames_to_tidy_(kMinFramesToTidy) {
  simulator_.start(threads_);
  too_ambiguous_ = threads_.too_ambiguous;
}

bool GrammarState::advance(std::uint8_t byte) {
  const bool taken = step(byte);
  forget_dead_stacks();
  return taken;
}

bool GrammarState::advance(std::string_view bytes) {
  GrammarThreads before = threads_;
  for (const char c : bytes) {
    if (!step(static_cast<std::uint8_t>(c))) {
      threads_ = std::move(before);
      return false;
    }
  }
  forget_dead_stacks();
  return true;
}

bool GrammarState::step(std::uint8_t byte) {
  simulator_.advance(threads_, byte, next_);
  too_ambiguous_ = too_ambiguous_ || next_.too_ambiguous;
  if (next_.dead()) return false;
  std::swap(threads_, next_);
  return true;
}

void GrammarState::forget_dead_stacks() {
  if (simulator_.n_frames() < frames_to_tidy_) return;
  GrammarSimulator tidy(simulator_.grammar());
  for (GrammarThread& thread : threads_.threads) thread.stack = tidy.copy_stack(simulator_, thread.stack);
  simulator_ = std::move(tidy);
  frames_to_tidy_ = std::max(kMinFramesToTidy, 2 * simulator_.n_frames());
}

}  // namespace marlin
