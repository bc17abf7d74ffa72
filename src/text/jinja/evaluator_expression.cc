// SPDX-License-Identifier: Apache-2.0
// Expressions. After its operands are evaluated, each function sets line_ again before it does what may fail.
#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/compare.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/filters.h"
#include "text/jinja/globals.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"

namespace marlin::jinja {

Value Evaluator::evaluate(const Expr& expr, const ScopeRef& scope) {
  heap_.step();
  if (expr.kind == ExprKind::kConstant) return expr.constant;
  if (expr.kind == ExprKind::kName) return evaluate_name(expr, scope);
  const Heap::Level level(heap_);
  switch (expr.kind) {
    case ExprKind::kList:
    case ExprKind::kTuple:
      return evaluate_display(expr, scope);
    case ExprKind::kDict:
      return evaluate_dict(expr, scope);
    case ExprKind::kAttribute: {
      const Value object = evaluate(*expr.children[0], scope);
      line_ = expr.line;
      return get_attribute(heap_, object, expr.name);
    }
    case ExprKind::kItem: {
      const Value object = evaluate(*expr.children[0], scope);
      const Value key = evaluate(*expr.children[1], scope);
      line_ = expr.line;
      return get_item(heap_, object, key);
    }
    case ExprKind::kSlice:
      return evaluate_slice(expr, scope);
    case ExprKind::kCall:
      return evaluate_call(expr, scope);
    case ExprKind::kFilter:
      return evaluate_filter(expr, evaluate(*expr.children[0], scope), scope);
    case ExprKind::kTest:
      return evaluate_test(expr, scope);
    case ExprKind::kNot:
      return Value::boolean(!evaluate(*expr.children[0], scope).truthy());
    case ExprKind::kAnd:
    case ExprKind::kOr: {
      Value left = evaluate(*expr.children[0], scope);
      return left.truthy() == (expr.kind == ExprKind::kOr) ? left : evaluate(*expr.children[1], scope);
    }
    case ExprKind::kNegate:
    case ExprKind::kPlus:
    case ExprKind::kBinary:
      return evaluate_binary(expr, scope);
    case ExprKind::kConcat:
      return evaluate_concat(expr, scope);
    case ExprKind::kCompare:
      return evaluate_compare(expr, scope);
    case ExprKind::kConditional:
      return evaluate_conditional(expr, scope);
    case ExprKind::kConstant:
    case ExprKind::kName:
      break;
  }
  return {};
}

Value Evaluator::evaluate_name(const Expr& expr, const ScopeRef& scope) {
  for (const Scope* at = scope.get(); at != nullptr; at = at->parent.get()) {
    if (const Value* found = at->find(expr.name)) return *found;
  }
  for (const Value* outer : {&trusted_, &input_}) {
    if (const Value* found = outer->dict().find(expr.name)) return *found;
  }
  if (auto global = find_global(expr.name, now_)) return *global;
  return Value::undefined(fmt::format("'{}' is undefined", expr.name.substr(0, 80)));
}

Value Evaluator::evaluate_display(const Expr& expr, const ScopeRef& scope) {
  std::vector<Value> items;
  items.reserve(expr.children.size());
  for (const ExprPtr& child : expr.children) items.push_back(evaluate(*child, scope));
  line_ = expr.line;
  return heap_.sequence(std::move(items), expr.kind == ExprKind::kList ? SequenceKind::kList : SequenceKind::kTuple);
}

Value Evaluator::evaluate_dict(const Expr& expr, const ScopeRef& scope) {
  std::vector<Dict::Entry> entries;
  entries.reserve(expr.children.size() / 2);
  for (std::size_t i = 0; i < expr.children.size(); i += 2) {
    Value key = evaluate(*expr.children[i], scope);
    line_ = expr.line;
    if (key.is_dict() || (key.is_sequence() && key.sequence().kind != SequenceKind::kTuple)) {
      raise("unhashable type: '{}'", key.type_name());
    }
    entries.emplace_back(std::move(key), evaluate(*expr.children[i + 1], scope));
  }
  line_ = expr.line;
  return heap_.dict(std::move(entries));
}

Value Evaluator::evaluate_slice(const Expr& expr, const ScopeRef& scope) {
  const Value object = evaluate(*expr.children[0], scope);
  Value bounds[3];  // None where left out
  for (std::size_t i = 0; i < 3; ++i) {
    if (expr.children[i + 1] != nullptr) bounds[i] = evaluate(*expr.children[i + 1], scope);
  }
  line_ = expr.line;
  return get_slice(heap_, object, &bounds[0], &bounds[1], &bounds[2]);
}

Value Evaluator::evaluate_call(const Expr& expr, const ScopeRef& scope) {
  const Value callee = evaluate(*expr.children[0], scope);
  const Arguments arguments = evaluate_arguments(expr.arguments, scope);
  line_ = expr.line;
  if (const auto* missing = callee.get<Undefined>()) raise("{}", *missing->message);
  const auto* callable = callee.get<CallableRef>();
  if (callable == nullptr) raise("'{}' object is not callable", callee.type_name());
  return (*callable)->call(heap_, arguments);
}

Value Evaluator::evaluate_filter(const Expr& expr, const Value& value, const ScopeRef& scope) {
  const Arguments arguments = evaluate_arguments(expr.arguments, scope);
  line_ = expr.line;
  return apply_filter(heap_, expr.name, value, arguments);
}

Value Evaluator::evaluate_test(const Expr& expr, const ScopeRef& scope) {
  const Value value = evaluate(*expr.children[0], scope);
  const Arguments arguments = evaluate_arguments(expr.arguments, scope);
  line_ = expr.line;
  return Value::boolean(apply_test(heap_, expr.name, value, arguments));
}

Value Evaluator::evaluate_binary(const Expr& expr, const ScopeRef& scope) {
  const Value left = evaluate(*expr.children[0], scope);
  if (expr.kind != ExprKind::kBinary) {
    line_ = expr.line;
    return expr.kind == ExprKind::kNegate ? negate(left) : unary_plus(left);
  }
  const Value right = evaluate(*expr.children[1], scope);
  line_ = expr.line;
  return binary_operation(heap_, expr.name, left, right);
}

Value Evaluator::evaluate_compare(const Expr& expr, const ScopeRef& scope) {
  Value left = evaluate(*expr.children[0], scope);
  for (std::size_t i = 0; i < expr.operators.size(); ++i) {
    Value right = evaluate(*expr.children[i + 1], scope);
    line_ = expr.line;
    const std::string& symbol = expr.operators[i];
    bool holds = false;
    if (symbol == "==" || symbol == "!=") {
      holds = equals(heap_, left, right) == (symbol == "==");
    } else if (symbol == "in" || symbol == "not in") {
      holds = contains(heap_, right, left) == (symbol == "in");
    } else {
      const int order = compare(heap_, left, right, symbol);
      holds = symbol[0] == '<' ? order < 0 : order > 0;
      holds = holds || (symbol.size() == 2 && order == 0);
    }
    if (!holds) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Evaluator::evaluate_concat(const Expr& expr, const ScopeRef& scope) {
  MarkedText out;
  for (const ExprPtr& child : expr.children) {
    const Value part = to_string(heap_, evaluate(*child, scope));
    line_ = expr.line;
    heap_.scan(part.text().size());
    heap_.check_size(out.footprint() + part.text().footprint());
    out.append(part.text());
  }
  return heap_.string(std::move(out));
}

Value Evaluator::evaluate_conditional(const Expr& expr, const ScopeRef& scope) {
  if (evaluate(*expr.children[1], scope).truthy()) return evaluate(*expr.children[0], scope);
  if (expr.children[2] != nullptr) return evaluate(*expr.children[2], scope);
  return Value::undefined("the inline if-expression evaluated to false and no else section was defined.");
}

// *value and **value.
void Evaluator::spread(const Value& value, bool named, Arguments& out) {
  if (!named) {
    const SequenceRef items = iterate(heap_, value);
    heap_.step(items->items.size());
    heap_.check_size((out.positional.size() + items->items.size()) * sizeof(Value));
    out.positional.insert(out.positional.end(), items->items.begin(), items->items.end());
    return;
  }
  if (!value.is_dict()) raise("argument after ** must be a mapping, not {}", value.type_name());
  heap_.step(value.dict().size());
  for (const auto& [key, member] : value.dict().entries()) {
    if (!key.is_string()) raise("keywords must be strings");
    out.named.emplace_back(key.bytes(), member);
  }
}

Arguments Evaluator::evaluate_arguments(const std::vector<ArgumentExpr>& arguments, const ScopeRef& scope) {
  Arguments out;
  for (const ArgumentExpr& argument : arguments) {
    Value value = evaluate(*argument.value, scope);
    switch (argument.kind) {
      case ArgumentExpr::Kind::kPositional:
        out.positional.push_back(std::move(value));
        break;
      case ArgumentExpr::Kind::kNamed:
        out.named.emplace_back(argument.name, std::move(value));
        break;
      case ArgumentExpr::Kind::kSpread:
      case ArgumentExpr::Kind::kSpreadNamed:
        spread(value, argument.kind == ArgumentExpr::Kind::kSpreadNamed, out);
        break;
    }
  }
  return out;
}

}  // namespace marlin::jinja
