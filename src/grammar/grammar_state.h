// SPDX-License-Identifier: Apache-2.0
// How far one text has come in a grammar. ConstrainedText has one per sequence; TokenMasker asks it which tokens may
// follow. A copy is a few small vectors, so the way back is to keep one. Not thread-safe; the grammar may be shared.
#pragma once

#include <cstdint>
#include <string_view>

#include "grammar/grammar_simulator.h"

namespace marlin {

class GrammarState {
 public:
  /// At the beginning of a text.
  explicit GrammarState(Grammar grammar);

  /// Takes the next byte. False if no text of the grammar goes on so; the state is then as before.
  bool advance(std::uint8_t byte);
  /// Takes all the bytes or none.
  bool advance(std::string_view bytes);

  /// Whether the text so far is complete; it may still go on.
  [[nodiscard]] bool can_end() const { return threads_.at_end; }
  /// Whether an advance was refused because it had more than GrammarSimulator::kMaxThreads possibilities to follow,
  /// which only a hostile grammar has.
  [[nodiscard]] bool too_ambiguous() const { return too_ambiguous_; }

  [[nodiscard]] const Grammar& grammar() const { return simulator_.grammar(); }
  [[nodiscard]] const GrammarSimulator& simulator() const { return simulator_; }
  [[nodiscard]] const GrammarThreads& threads() const { return threads_; }

 private:
  bool step(std::uint8_t byte);
  void forget_dead_stacks();

  GrammarSimulator simulator_;
  GrammarThreads threads_;
  GrammarThreads next_;
  std::size_t frames_to_tidy_;
  bool too_ambiguous_ = false;
};

}  // namespace marlin
