// SPDX-License-Identifier: Apache-2.0
// GrammarBuilder::build: rules to steps, as a regular expression is compiled. Only what the root can reach is emitted.
#include <unordered_map>

#include "base/error.h"
#include "grammar/grammar_analysis.h"
#include "grammar/grammar_builder.h"

namespace marlin {
namespace {

using Kind = ExprNode::Kind;
using Step = GrammarStep;

constexpr std::size_t kMaxSteps = 500'000;
constexpr std::uint32_t kNotEmitted = kUnbounded;

class Emitter {
 public:
  explicit Emitter(const GrammarBuilder& builder)
      : builder_(builder), analysis_(builder), entries_(builder.rules().size(), kNotEmitted) {}

  GrammarProgram run(Rule root) {
    if (!analysis_.productive(builder_.rules()[root.index].body)) {
      fail(ErrorCode::kUnsupported, "{}: nothing can match it", builder_.rules()[root.index].name);
    }
    analysis_.check_left_recursion();
    want(root.index);
    while (!wanted_.empty()) {
      const std::uint32_t rule = wanted_.back();
      wanted_.pop_back();
      entries_[rule] = here();
      emit(builder_.rules()[rule].body);
      add({.kind = Step::Kind::kReturn});
    }
    program_.start = entries_[root.index];
    link_calls();
    return std::move(program_);
  }

 private:
  [[nodiscard]] std::uint32_t here() const { return static_cast<std::uint32_t>(program_.steps.size()); }

  std::uint32_t add(Step step) {
    if (program_.steps.size() >= kMaxSteps)
      fail(ErrorCode::kUnsupported, "the grammar needs more than {} steps", kMaxSteps);
    program_.steps.push_back(step);
    return here() - 1;
  }

  void want(std::uint32_t rule) {
    if (entries_[rule] != kNotEmitted) return;
    entries_[rule] = 0;  // its place is known later
    wanted_.push_back(rule);
  }

  void emit_bytes(const ByteSet& set) {
    const auto [it, is_new] = set_indices_.try_emplace(set, static_cast<std::uint32_t>(program_.byte_sets.size()));
    if (is_new) program_.byte_sets.push_back(set);
    add({.kind = Step::Kind::kBytes, .target = it->second});
  }

  void emit(Expr expr) {  // NOLINT(misc-no-recursion)
    const ExprNode& node = builder_.node(expr);
    switch (node.kind) {
      case Kind::kLiteral:
        for (const char c : node.text) emit_bytes(ByteSet().set(static_cast<unsigned char>(c)));
        break;
      case Kind::kBytes:
        emit_bytes(node.set);
        break;
      case Kind::kSequence:
        for (const Expr child : node.children) emit(child);
        break;
      case Kind::kChoice:
        emit_choice(node);
        break;
      case Kind::kRepeat:
        if (analysis_.productive(node.children[0])) emit_repeat(node);
        break;
      case Kind::kReference:
        want(node.rule.index);
        add({.kind = Step::Kind::kCall, .target = node.rule.index});
        break;
    }
  }

  void emit_choice(const ExprNode& node) {  // NOLINT(misc-no-recursion)
    std::vector<Expr> alternatives;
    for (const Expr child : node.children) {
      if (analysis_.productive(child)) alternatives.push_back(child);
    }
    std::vector<std::uint32_t> jumps;
    for (std::size_t i = 0; i < alternatives.size(); ++i) {
      if (i + 1 == alternatives.size()) {
        emit(alternatives[i]);
        break;
      }
      const std::uint32_t split = add({.kind = Step::Kind::kSplit});
      emit(alternatives[i]);
      jumps.push_back(add({.kind = Step::Kind::kJump}));
      program_.steps[split].target = here();
    }
    for (const std::uint32_t jump : jumps) program_.steps[jump].target = here();
  }

  // ?, * and + need no counter and so no stack.
  void emit_repeat(const ExprNode& node) {  // NOLINT(misc-no-recursion)
    const Expr body = node.children[0];
    if (node.max == 0) return;
    if (node.min <= 1 && node.max == kUnbounded) {
      const std::uint32_t begin = node.min == 0 ? add({.kind = Step::Kind::kSplit}) : here();
      emit(body);
      if (node.min == 0) {
        add({.kind = Step::Kind::kJump, .target = begin});
        program_.steps[begin].target = here();
      } else {
        add({.kind = Step::Kind::kSplit, .target = begin});
      }
    } else if (node.max == 1) {
      const std::uint32_t split = node.min == 0 ? add({.kind = Step::Kind::kSplit}) : kNotEmitted;
      emit(body);
      if (split != kNotEmitted) program_.steps[split].target = here();
    } else {
      if (analysis_.nullable(body)) fail(ErrorCode::kUnsupported, "a counted repetition of what may be empty");
      const std::uint32_t repeat = add({.kind = Step::Kind::kRepeat, .min = node.min, .max = node.max});
      emit(body);
      add({.kind = Step::Kind::kReturn});
      program_.steps[repeat].target = here();
    }
  }

  // A call with nothing behind it is a jump, so that a rule that ends with a call needs no stack for it.
  void link_calls() {
    for (std::uint32_t i = 0; i < program_.steps.size(); ++i) {
      Step& step = program_.steps[i];
      if (step.kind != Step::Kind::kCall) continue;
      step.target = entries_[step.target];
      std::uint32_t next = i + 1;
      // Only forward: a loop of jumps would be the body of a repetition that takes nothing.
      while (program_.steps[next].kind == Step::Kind::kJump && program_.steps[next].target > next) {
        next = program_.steps[next].target;
      }
      if (program_.steps[next].kind == Step::Kind::kReturn) step.kind = Step::Kind::kJump;
    }
  }

  const GrammarBuilder& builder_;
  GrammarAnalysis analysis_;
  std::vector<std::uint32_t> entries_;
  std::vector<std::uint32_t> wanted_;
  std::unordered_map<ByteSet, std::uint32_t> set_indices_;
  GrammarProgram program_;
};

}  // namespace

Grammar GrammarBuilder::build(Rule root) const { return Grammar(Emitter(*this).run(root)); }

}  // namespace marlin
