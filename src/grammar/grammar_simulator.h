// SPDX-License-Identifier: Apache-2.0
// Runs a grammar byte by byte: a pushdown automaton that follows all its possibilities at once. GrammarState (one text)
// and TrieWalk (all tokens) are built on it. Surprise: stacks are numbers. Equal stacks have equal numbers and share
// what lies below, so that comparing two possibilities, or dropping one that exists already, costs nothing.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/intern_table.h"

namespace marlin {

/// A stack of calls and repetitions in progress; 0 is the empty one.
using StackId = std::uint32_t;
inline constexpr StackId kEmptyStack = 0;

/// What lies on top of a stack.
struct StackFrame {
  static constexpr std::uint32_t kIsCall = kUnbounded;  ///< in `count`

  std::uint32_t position = 0;  ///< of a call: where to return to; of a repetition: its kRepeat
  std::uint32_t count = 0;     ///< kIsCall, or how often the repetition has been completed; without end: at most min
  StackId below = kEmptyStack;
  std::uint32_t depth = 0;  ///< frames in all

  bool operator==(const StackFrame&) const = default;
};

/// One possibility: the kBytes step that takes the next byte, and the stack there.
struct GrammarThread {
  std::uint32_t position = 0;
  StackId stack = kEmptyStack;

  auto operator<=>(const GrammarThread&) const = default;  // NOLINT(modernize-use-nullptr): mistaken
};

/// All possibilities at one place of a text; none equal. None at all and not `at_end`: the text does not match.
struct GrammarThreads {
  std::vector<GrammarThread> threads;
  bool at_end = false;         ///< the empty stack has been returned to
  bool too_ambiguous = false;  ///< there were more possibilities than are followed, and all were dropped

  [[nodiscard]] bool dead() const { return threads.empty() && !at_end; }
  bool operator==(const GrammarThreads&) const = default;
};

class GrammarSimulator {
 public:
  static constexpr std::size_t kMaxThreads = 2048;  ///< counting those that only pass through
  static constexpr std::uint32_t kMaxDepth = 1024;  ///< of a stack; what would go deeper is not possible

  explicit GrammarSimulator(Grammar grammar) : grammar_(std::move(grammar)) {}

  [[nodiscard]] const Grammar& grammar() const { return grammar_; }
  [[nodiscard]] std::size_t n_frames() const { return frames_.size(); }
  /// `stack` must not be empty.
  [[nodiscard]] const StackFrame& top(StackId stack) const { return frames_[stack - 1]; }
  /// The stack with one frame more; the frame's depth is set here.
  StackId push(StackFrame frame);
  /// Takes over a stack of another simulator of the same grammar.
  StackId copy_stack(const GrammarSimulator& from, StackId stack);

  /// The beginning of a text, at the start rule. `out` is overwritten, here and below, and must not be `from`.
  void start(GrammarThreads& out);
  void advance(const GrammarThreads& from, std::uint8_t byte, GrammarThreads& out);
  /// Where those who hold `stack` come to when the rule or repetition on top of it is complete.
  void resume(StackId stack, GrammarThreads& out);

 private:
  struct HashFrame {
    std::size_t operator()(const StackFrame& f) const { return mix_hash(mix_hash(f.below, f.position), f.count); }
  };
  struct HashThread {
    std::size_t operator()(const GrammarThread& t) const { return mix_hash(mix_hash(0, t.stack), t.position); }
  };

  void follow(GrammarThreads& out);
  void return_to(StackId stack, GrammarThreads& out);
  void repeat(std::uint32_t position, std::uint32_t count, StackId stack);
  void call(const StackFrame& frame, std::uint32_t entry);

  Grammar grammar_;
  InternTable<StackFrame, HashFrame> frames_;
  InternTable<GrammarThread, HashThread> seen_;  // since the last byte
  std::vector<GrammarThread> work_;
};

}  // namespace marlin
