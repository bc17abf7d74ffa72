// SPDX-License-Identifier: Apache-2.0
// What must be known of the rules of a grammar before they become steps: which can be completed at all, which may be
// empty, and whether one calls itself on the spot. Used by GrammarBuilder::build only.
#pragma once

#include <vector>

#include "grammar/grammar_builder.h"

namespace marlin {

class GrammarAnalysis {
 public:
  /// The builder must outlive this, unchanged.
  explicit GrammarAnalysis(const GrammarBuilder& builder);

  /// Whether some finite text matches.
  [[nodiscard]] bool productive(Expr expr) const { return holds(expr, Property::kProductive); }
  /// Whether the empty text matches.
  [[nodiscard]] bool nullable(Expr expr) const { return holds(expr, Property::kNullable); }

  /// Error: kUnsupported, naming the rule, if a rule can call itself before it has taken a byte.
  void check_left_recursion() const;

 private:
  enum class Property : std::uint8_t { kProductive, kNullable };

  [[nodiscard]] bool holds(Expr expr, Property property) const;
  void collect_references(Expr expr, std::vector<std::uint32_t>& rules) const;
  void collect_leftmost(Expr expr, std::vector<std::uint32_t>& rules) const;
  void settle(Property property, const std::vector<std::vector<std::uint32_t>>& users);

  const GrammarBuilder& builder_;
  std::vector<bool> productive_;  // of rules
  std::vector<bool> nullable_;
};

}  // namespace marlin
