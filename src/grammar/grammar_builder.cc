// SPDX-License-Identifier: Apache-2.0
// The expressions of a builder. build() is in grammar_emitter.cc.
#include "grammar/grammar_builder.h"

#include <algorithm>
#include <deque>

#include "base/error.h"

namespace marlin {
namespace {

constexpr std::size_t kMaxNodes = std::size_t{1} << 20U;
constexpr std::uint32_t kMaxDepth = 256;
constexpr std::size_t kMaxSize = 500'000;

/// Texts [begin, end) that agree before `offset` and are to become the rule.
struct LiteralGroup {
  Rule rule;
  std::size_t begin;
  std::size_t end;
  std::size_t offset;
};

}  // namespace

Expr GrammarBuilder::add(ExprNode node) {
  if (nodes_.size() >= kMaxNodes) fail(ErrorCode::kUnsupported, "the grammar has more than {} parts", kMaxNodes);
  node.size += node.text.size();
  for (const Expr child : node.children) {
    node.depth = std::max(node.depth, nodes_[child.index].depth + 1);
    node.size += nodes_[child.index].size;
  }
  if (node.depth > kMaxDepth) fail(ErrorCode::kUnsupported, "the grammar is nested deeper than {} levels", kMaxDepth);
  if (node.size > kMaxSize) fail(ErrorCode::kUnsupported, "a rule of the grammar has more than {} parts", kMaxSize);
  nodes_.push_back(std::move(node));
  return {static_cast<std::uint32_t>(nodes_.size() - 1)};
}

Expr GrammarBuilder::literal(std::string_view text) {
  return add({.kind = ExprNode::Kind::kLiteral, .text = std::string(text)});
}

Expr GrammarBuilder::bytes(const ByteSet& set) {
  MARLIN_CHECK(set.any());
  return add({.kind = ExprNode::Kind::kBytes, .set = set});
}

Expr GrammarBuilder::sequence(std::vector<Expr> parts) {
  return add({.kind = ExprNode::Kind::kSequence, .children = std::move(parts)});
}

Expr GrammarBuilder::choice(std::vector<Expr> alternatives) {
  return add({.kind = ExprNode::Kind::kChoice, .children = std::move(alternatives)});
}

Expr GrammarBuilder::repeat(Expr body, std::uint32_t min, std::uint32_t max) {
  MARLIN_CHECK(min <= max);
  if (min > kMaxRepeat || (max > kMaxRepeat && max != kUnbounded)) {
    fail(ErrorCode::kUnsupported, "at most {} repetitions can be counted", kMaxRepeat);
  }
  return add({.kind = ExprNode::Kind::kRepeat, .children = {body}, .min = min, .max = max});
}

// One rule for every place where texts part: a call at the end of a rule costs nothing at run time, and the depth of
// the expressions does not grow with the length of the texts.
Expr GrammarBuilder::choice_of_literals(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  const Rule root = declare("a choice of texts");
  std::deque<LiteralGroup> groups{{root, 0, texts.size(), 0}};
  for (; !groups.empty(); groups.pop_front()) {
    const LiteralGroup group = groups.front();
    std::vector<Expr> alternatives;
    for (std::size_t begin = group.begin; begin < group.end;) {
      const std::string& first = texts[begin];
      if (first.size() == group.offset) {
        alternatives.push_back(literal(""));
        ++begin;
        continue;
      }
      std::size_t end = begin + 1;
      while (end < group.end && texts[end][group.offset] == first[group.offset]) ++end;
      const std::string& last = texts[end - 1];  // sorted: what first and last share, all between them share
      const auto common = static_cast<std::size_t>(
          std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first - first.begin());
      std::vector<Expr> parts{literal(std::string_view(first).substr(group.offset, common - group.offset))};
      if (end - begin > 1) {
        groups.push_back({declare("a choice of texts"), begin, end, common});
        parts.push_back(reference(groups.back().rule));
      }
      alternatives.push_back(sequence(std::move(parts)));
      begin = end;
    }
    define(group.rule, choice(std::move(alternatives)));
  }
  return reference(root);
}

Expr GrammarBuilder::reference(Rule rule) { return add({.kind = ExprNode::Kind::kReference, .rule = rule}); }

Rule GrammarBuilder::declare(std::string name) {
  rules_.push_back({.name = std::move(name), .body = {kUnbounded}});
  return {static_cast<std::uint32_t>(rules_.size() - 1)};
}

void GrammarBuilder::define(Rule rule, Expr body) {
  MARLIN_CHECK(rules_[rule.index].body.index == kUnbounded);
  rules_[rule.index].body = body;
}

}  // namespace marlin
