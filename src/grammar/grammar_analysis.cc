// SPDX-License-Identifier: Apache-2.0
// Both properties are least fixed points: no rule has one until its body shows it, and a rule is looked at again only
// when one it refers to has changed. Recursion over an expression is bounded by the builder.
#include "grammar/grammar_analysis.h"

#include <algorithm>

#include "base/error.h"

namespace marlin {

using Kind = ExprNode::Kind;

GrammarAnalysis::GrammarAnalysis(const GrammarBuilder& builder)
    : builder_(builder), productive_(builder.rules().size()), nullable_(builder.rules().size()) {
  std::vector<std::vector<std::uint32_t>> users(builder.rules().size());
  std::vector<std::uint32_t> used;
  for (std::uint32_t rule = 0; rule < builder.rules().size(); ++rule) {
    MARLIN_CHECK(builder.rules()[rule].body.index != kUnbounded);
    used.clear();
    collect_references(builder.rules()[rule].body, used);
    for (const std::uint32_t other : used) users[other].push_back(rule);
  }
  settle(Property::kProductive, users);
  settle(Property::kNullable, users);
}

void GrammarAnalysis::settle(Property property, const std::vector<std::vector<std::uint32_t>>& users) {
  std::vector<bool>& has = property == Property::kProductive ? productive_ : nullable_;
  std::vector<std::uint32_t> work(has.size());
  for (std::uint32_t rule = 0; rule < work.size(); ++rule) work[rule] = rule;
  while (!work.empty()) {
    const std::uint32_t rule = work.back();
    work.pop_back();
    if (has[rule] || !holds(builder_.rules()[rule].body, property)) continue;
    has[rule] = true;
    work.insert(work.end(), users[rule].begin(), users[rule].end());
  }
}

bool GrammarAnalysis::holds(Expr expr, Property property) const {  // NOLINT(misc-no-recursion)
  const ExprNode& node = builder_.node(expr);
  const auto child_holds = [&](Expr child) { return holds(child, property); };
  switch (node.kind) {
    case Kind::kLiteral:
      return property == Property::kProductive || node.text.empty();
    case Kind::kBytes:
      return property == Property::kProductive;
    case Kind::kSequence:
      return std::all_of(node.children.begin(), node.children.end(), child_holds);
    case Kind::kChoice:
      return std::any_of(node.children.begin(), node.children.end(), child_holds);
    case Kind::kRepeat:
      return node.min == 0 || child_holds(node.children[0]);
    case Kind::kReference:
      return property == Property::kProductive ? productive_[node.rule.index] : nullable_[node.rule.index];
  }
  return false;
}

// NOLINTNEXTLINE(misc-no-recursion)
void GrammarAnalysis::collect_references(Expr expr, std::vector<std::uint32_t>& rules) const {
  const ExprNode& node = builder_.node(expr);
  if (node.kind == Kind::kReference) rules.push_back(node.rule.index);
  for (const Expr child : node.children) collect_references(child, rules);
}

/// The rules that may be called before a byte is taken.
// NOLINTNEXTLINE(misc-no-recursion)
void GrammarAnalysis::collect_leftmost(Expr expr, std::vector<std::uint32_t>& rules) const {
  const ExprNode& node = builder_.node(expr);
  if (node.kind == Kind::kReference) rules.push_back(node.rule.index);
  for (const Expr child : node.children) {
    collect_leftmost(child, rules);
    if (node.kind == Kind::kSequence && !nullable(child)) break;
  }
}

void GrammarAnalysis::check_left_recursion() const {
  enum class Mark : std::uint8_t { kNew, kOpen, kDone };
  struct Visit {
    std::uint32_t rule;
    std::vector<std::uint32_t> left;  // still to be looked at
  };
  std::vector<Mark> marks(builder_.rules().size(), Mark::kNew);
  std::vector<Visit> open;
  const auto enter = [&](std::uint32_t rule) {
    marks[rule] = Mark::kOpen;
    open.push_back({rule, {}});
    collect_leftmost(builder_.rules()[rule].body, open.back().left);
  };
  for (std::uint32_t root = 0; root < marks.size(); ++root) {
    if (marks[root] == Mark::kNew) enter(root);
    while (!open.empty()) {
      if (open.back().left.empty()) {
        marks[open.back().rule] = Mark::kDone;
        open.pop_back();
        continue;
      }
      const std::uint32_t next = open.back().left.back();
      open.back().left.pop_back();
      if (marks[next] == Mark::kOpen) {
        fail(ErrorCode::kUnsupported, "{} refers to itself before anything else comes", builder_.rules()[next].name);
      }
      if (marks[next] == Mark::kNew) enter(next);
    }
  }
}

}  // namespace marlin
