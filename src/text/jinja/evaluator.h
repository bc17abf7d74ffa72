// SPDX-License-Identifier: Apache-2.0
// Walks the syntax tree of one rendering. Statements are in evaluator.cc, expressions in evaluator_expression.cc,
// macros in evaluator_macro.cc. Scopes follow Jinja2: a loop body, macro, set block or filter block sees outer
// variables, but what it sets is its own and is gone at its end; if and the top level share one scope.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/heap.h"

namespace marlin::jinja {

/// Variables of one scope; names point into the syntax tree. A macro keeps the scope it was defined in.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string_view, Value>> variables;

  [[nodiscard]] const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
};

using ScopeRef = std::shared_ptr<Scope>;

class Evaluator {
 public:
  /// `trusted` and `input` are dicts; the former wins. All references must outlive the evaluator.
  Evaluator(Heap& heap, Value trusted, Value input, const std::optional<std::tm>& now)
      : heap_(heap), trusted_(std::move(trusted)), input_(std::move(input)), now_(now) {}
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;
  /// Breaks the cycles of scopes and the macros defined in them.
  ~Evaluator();

  /// Renders a whole template. Throws Failure; line() then says where.
  MarkedText run(const Body& body);
  [[nodiscard]] int line() const { return line_; }

 private:
  enum class Flow { kNext, kBreak, kContinue };

  // Statements. `out` is where text goes.
  Flow execute(const Body& body, const ScopeRef& scope, MarkedText& out);
  Flow execute_one(const Statement& statement, const ScopeRef& scope, MarkedText& out);
  Flow execute_if(const Statement& statement, const ScopeRef& scope, MarkedText& out);
  Flow execute_for(const Statement& statement, const ScopeRef& scope, MarkedText& out);
  Flow execute_filtered(const Statement& statement, const ScopeRef& scope, MarkedText& out);
  Flow execute_scope(const Statement& statement, const ScopeRef& scope, MarkedText& out);
  SequenceRef loop_items(const Statement& statement, const ScopeRef& scope);
  void assign(const Target& target, const ScopeRef& scope, Value value);
  void emit(MarkedText& out, const MarkedText& text);
  void emit(MarkedText& out, std::string_view text);

  // Expressions.
  Value evaluate(const Expr& expr, const ScopeRef& scope);
  Value evaluate_name(const Expr& expr, const ScopeRef& scope);
  Value evaluate_display(const Expr& expr, const ScopeRef& scope);
  Value evaluate_dict(const Expr& expr, const ScopeRef& scope);
  Value evaluate_slice(const Expr& expr, const ScopeRef& scope);
  Value evaluate_call(const Expr& expr, const ScopeRef& scope);
  Value evaluate_filter(const Expr& expr, const Value& value, const ScopeRef& scope);
  Value evaluate_test(const Expr& expr, const ScopeRef& scope);
  Value evaluate_binary(const Expr& expr, const ScopeRef& scope);
  Value evaluate_compare(const Expr& expr, const ScopeRef& scope);
  Value evaluate_concat(const Expr& expr, const ScopeRef& scope);
  Value evaluate_conditional(const Expr& expr, const ScopeRef& scope);
  Arguments evaluate_arguments(const std::vector<ArgumentExpr>& arguments, const ScopeRef& scope);
  void spread(const Value& value, bool named, Arguments& out);

  // Macros.
  void define_macro(const Statement& statement, const ScopeRef& scope);
  Value call_macro(const Statement& macro, const ScopeRef& scope, const Arguments& arguments);
  void bind_parameters(const Statement& macro, const ScopeRef& scope, const Arguments& arguments);

  Heap& heap_;
  const Value trusted_;
  const Value input_;
  const std::optional<std::tm>& now_;
  std::vector<ScopeRef> captured_;  // scopes that macros keep
  int line_ = 0;
};

}  // namespace marlin::jinja
