// SPDX-License-Identifier: Apache-2.0
// A context-free grammar over bytes in the form that the simulation runs: a list of steps, as a regular expression is
// compiled, with calls of rules and counted repetitions. GrammarBuilder makes it; GrammarState and TokenMasker read it.
// Surprise: it is a handle. Copies share one immutable program, across threads as well.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace marlin {

using ByteSet = std::bitset<256>;

/// The `max` of a repetition without end.
inline constexpr std::uint32_t kUnbounded = std::numeric_limits<std::uint32_t>::max();

/// One step. Where nothing else is said the automaton goes on with the step behind it.
struct GrammarStep {
  enum class Kind : std::uint8_t {
    kBytes,   ///< takes a byte of byte_sets[target]
    kSplit,   ///< goes on behind it and at `target`
    kJump,    ///< goes on at `target`
    kCall,    ///< runs the rule at `target` until its kReturn
    kRepeat,  ///< runs what is behind it, until its kReturn, `min` to `max` times, then goes on at `target`
    kReturn,  ///< the end of a rule or of what is repeated
  };
  Kind kind;
  std::uint32_t target = 0;
  std::uint32_t min = 0;
  std::uint32_t max = 0;
};

/// What GrammarBuilder guarantees: from every step that can be reached some text leads to the end, no rule calls itself
/// before it has taken a byte, and what a kRepeat repeats takes at least one byte.
struct GrammarProgram {
  std::vector<GrammarStep> steps;
  std::vector<ByteSet> byte_sets;
  std::uint32_t start = 0;
};

class Grammar {
 public:
  explicit Grammar(GrammarProgram program) : program_(std::make_shared<const GrammarProgram>(std::move(program))) {}

  [[nodiscard]] const GrammarProgram& program() const noexcept { return *program_; }
  /// Keeps the program alive for those who remember something about it.
  [[nodiscard]] std::shared_ptr<const GrammarProgram> share() const noexcept { return program_; }

 private:
  std::shared_ptr<const GrammarProgram> program_;
};

}  // namespace marlin
