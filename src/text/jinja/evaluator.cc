// SPDX-License-Identifier: Apache-2.0
// Statements: text, print, if, for, set and blocks.
#include "text/jinja/evaluator.h"

#include "text/jinja/access.h"
#include "text/jinja/print.h"

namespace marlin::jinja {
namespace {

ScopeRef inner_scope(const ScopeRef& parent) { return std::make_shared<Scope>(Scope{parent, {}}); }

}  // namespace

const Value* Scope::find(std::string_view name) const {
  for (const auto& [key, value] : variables) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Scope::set(std::string_view name, Value value) {
  for (auto& [key, current] : variables) {
    if (key != name) continue;
    current = std::move(value);
    return;
  }
  variables.emplace_back(name, std::move(value));
}

Evaluator::~Evaluator() {
  for (const ScopeRef& scope : captured_) scope->variables.clear();
}

MarkedText Evaluator::run(const Body& body) {
  MarkedText out;
  execute(body, inner_scope(nullptr), out);
  return out;
}

void Evaluator::emit(MarkedText& out, const MarkedText& text) {
  heap_.scan(text.size());
  if (out.size() + text.size() > heap_.limits().max_output_bytes) {
    raise("the output is too long (limit {} bytes)", heap_.limits().max_output_bytes);
  }
  out.append(text);
}

void Evaluator::emit(MarkedText& out, std::string_view text) {
  heap_.scan(text.size());
  if (out.size() + text.size() > heap_.limits().max_output_bytes) {
    raise("the output is too long (limit {} bytes)", heap_.limits().max_output_bytes);
  }
  out.append(text, false);
}

Evaluator::Flow Evaluator::execute(const Body& body, const ScopeRef& scope, MarkedText& out) {
  const Heap::Level level(heap_);
  for (const Statement& statement : body) {
    heap_.step();
    line_ = statement.line;
    const Flow flow = execute_one(statement, scope, out);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_one(const Statement& statement, const ScopeRef& scope, MarkedText& out) {
  switch (statement.kind) {
    case StatementKind::kText:
      emit(out, statement.text);
      break;
    case StatementKind::kPrint: {
      const Value value = evaluate(*statement.expr, scope);
      if (value.is_string()) {
        emit(out, value.text());
      } else {
        emit(out, to_text(heap_, value));
      }
      break;
    }
    case StatementKind::kIf:
      return execute_if(statement, scope, out);
    case StatementKind::kFor:
      return execute_for(statement, scope, out);
    case StatementKind::kSet:
      assign(statement.target, scope, evaluate(*statement.expr, scope));
      break;
    case StatementKind::kSetBlock:
    case StatementKind::kFilterBlock:
      return execute_filtered(statement, scope, out);
    case StatementKind::kMacro:
      define_macro(statement, scope);
      break;
    case StatementKind::kScope:
      return execute_scope(statement, scope, out);
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_if(const Statement& statement, const ScopeRef& scope, MarkedText& out) {
  for (const Branch& branch : statement.branches) {
    if (branch.condition == nullptr || evaluate(*branch.condition, scope).truthy())
      return execute(branch.body, scope, out);
  }
  return Flow::kNext;
}

// What a for statement runs over, its `if` filter applied. The filter sees the targets but no `loop`.
SequenceRef Evaluator::loop_items(const Statement& statement, const ScopeRef& scope) {
  const Value source = evaluate(*statement.expr, scope);
  line_ = statement.line;
  SequenceRef items = iterate(heap_, source);
  if (statement.condition == nullptr) return items;
  std::vector<Value> kept;
  for (const Value& item : items->items) {
    heap_.step();
    const ScopeRef body = inner_scope(scope);
    assign(statement.target, body, item);
    if (evaluate(*statement.condition, body).truthy()) kept.push_back(item);
  }
  return *heap_.sequence(std::move(kept)).get<SequenceRef>();
}

Evaluator::Flow Evaluator::execute_for(const Statement& statement, const ScopeRef& scope, MarkedText& out) {
  const auto loop = std::make_shared<Loop>();
  loop->items = loop_items(statement, scope);
  if (loop->items->items.empty()) return execute(statement.otherwise, inner_scope(scope), out);
  heap_.check_depth(loop->items->depth + 1);

  // However the loop ends: loop.changed() may have stored a value that leads back to the loop.
  const struct Ending {
    Loop& loop;
    ~Ending() { loop.last_changed = Value(); }
  } ending{*loop};
  for (; loop->index0 < loop->items->items.size(); ++loop->index0) {
    heap_.step();
    const ScopeRef body = inner_scope(scope);
    body->set("loop", Value(Value::Storage(LoopRef(loop))));
    line_ = statement.line;
    assign(statement.target, body, loop->items->items[loop->index0]);
    if (execute(statement.body, body, out) == Flow::kBreak) break;
  }
  return Flow::kNext;
}

// {% set x %}...{% endset %} and {% filter f %}...{% endfilter %}.
Evaluator::Flow Evaluator::execute_filtered(const Statement& statement, const ScopeRef& scope, MarkedText& out) {
  MarkedText text;
  const ScopeRef inner = inner_scope(scope);
  const Flow flow = execute(statement.body, inner, text);
  if (flow != Flow::kNext) return flow;
  Value value = heap_.string(std::move(text));
  for (const ExprPtr& filter : statement.filters) value = evaluate_filter(*filter, value, inner);
  line_ = statement.line;
  if (statement.kind == StatementKind::kSetBlock) {
    assign(statement.target, scope, std::move(value));
  } else {
    emit(out, to_text(heap_, value));
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_scope(const Statement& statement, const ScopeRef& scope, MarkedText& out) {
  const ScopeRef inner = inner_scope(scope);
  for (const auto& [target, expr] : statement.assignments) assign(target, inner, evaluate(*expr, scope));
  return execute(statement.body, inner, out);
}

void Evaluator::assign(const Target& target, const ScopeRef& scope, Value value) {
  if (target.parts.empty() && target.attribute.empty()) {
    scope->set(target.name, std::move(value));
    return;
  }
  if (target.parts.empty()) {
    Expr name{};
    name.name = target.name;
    const Value space = evaluate_name(name, scope);
    if (space.get<NamespaceRef>() == nullptr) raise("cannot assign attribute on non-namespace object");
    (*space.get<NamespaceRef>())->set(target.attribute, std::move(value));
    return;
  }
  const SequenceRef items = iterate(heap_, value);
  if (items->items.size() < target.parts.size()) {
    raise("not enough values to unpack (expected {}, got {})", target.parts.size(), items->items.size());
  }
  if (items->items.size() > target.parts.size()) raise("too many values to unpack (expected {})", target.parts.size());
  for (std::size_t i = 0; i < target.parts.size(); ++i) assign(target.parts[i], scope, items->items[i]);
}

}  // namespace marlin::jinja
