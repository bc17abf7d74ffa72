// SPDX-License-Identifier: Apache-2.0
// Rules of a grammar as expressions, and their translation into a Grammar. The JSON and regex front ends use it.
// Surprise: what can never be completed (an empty choice, a rule that must contain itself for ever) is left out of the
// choices and optional parts that hold it, so that a text that has begun well can always be ended.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/grammar.h"

namespace marlin {

/// An expression of one builder.
struct Expr {
  std::uint32_t index;
};

/// A rule of one builder.
struct Rule {
  std::uint32_t index;
};

/// What an expression is made of, for those who translate or examine it.
struct ExprNode {
  enum class Kind : std::uint8_t { kLiteral, kBytes, kSequence, kChoice, kRepeat, kReference };
  Kind kind;
  std::string text{};            ///< kLiteral
  ByteSet set{};                 ///< kBytes
  std::vector<Expr> children{};  ///< kSequence, kChoice, kRepeat (one)
  std::uint32_t min = 0;         ///< kRepeat
  std::uint32_t max = 0;         ///< kRepeat
  Rule rule{0};                  ///< kReference
  std::uint32_t depth = 1;       ///< bounded, so that recursion over an expression is
  std::size_t size = 1;          ///< parts, those used in several places once for each; bounded likewise
};

struct RuleNode {
  std::string name;  ///< for error messages
  Expr body{0};
};

class GrammarBuilder {
 public:
  static constexpr std::uint32_t kMaxRepeat = 1U << 20U;

  /// These bytes; none of them is allowed.
  Expr literal(std::string_view text);
  /// One byte of the set, which must not be empty.
  Expr bytes(const ByteSet& set);
  /// One after the other.
  Expr sequence(std::vector<Expr> parts);
  /// One of them; nothing at all can match a choice of none.
  Expr choice(std::vector<Expr> alternatives);
  /// `min` to `max` times, `max` possibly kUnbounded. Error: kUnsupported above kMaxRepeat.
  Expr repeat(Expr body, std::uint32_t min, std::uint32_t max);
  Expr optional(Expr body) { return repeat(body, 0, 1); }
  /// One of these texts, where common beginnings are stored once.
  Expr choice_of_literals(std::vector<std::string> texts);
  /// What the rule is or will be defined as.
  Expr reference(Rule rule);

  /// A rule to be defined later, once. `name` stands for it in error messages.
  Rule declare(std::string name);
  void define(Rule rule, Expr body);

  /// The grammar of the texts that `root` matches; every rule must be defined. Errors: kUnsupported for a grammar too
  /// large, for one that no text matches, for a rule that calls itself before taking a byte, and for a counted
  /// repetition (not *, + or ?) of what may be empty.
  [[nodiscard]] Grammar build(Rule root) const;

  [[nodiscard]] const ExprNode& node(Expr expr) const { return nodes_[expr.index]; }
  [[nodiscard]] const std::vector<RuleNode>& rules() const { return rules_; }

 private:
  Expr add(ExprNode node);

  std::vector<ExprNode> nodes_;
  std::vector<RuleNode> rules_;
};

}  // namespace marlin
