// SPDX-License-Identifier: Apache-2.0
// Macros: closures over the scope they are defined in, with defaults, keyword arguments, varargs and kwargs.
#include <algorithm>

#include "text/jinja/evaluator.h"

namespace marlin::jinja {
namespace {

constexpr std::size_t kDefinitionSteps = 16;  // a scope it keeps lives until the end of the rendering

}  // namespace

void Evaluator::define_macro(const Statement& statement, const ScopeRef& scope) {
  heap_.step(kDefinitionSteps);
  if (captured_.empty() || captured_.back() != scope) captured_.push_back(scope);
  auto call = [this, &statement, scope](Heap& /*heap*/, const Arguments& arguments) {
    return call_macro(statement, scope, arguments);
  };
  const auto macro =
      std::make_shared<const Callable>(Callable{statement.text, "jinja2.runtime.Macro", std::move(call), 0});
  scope->set(statement.text, Value(Value::Storage(macro)));
}

void Evaluator::bind_parameters(const Statement& macro, const ScopeRef& scope, const Arguments& arguments) {
  const std::vector<Parameter>& parameters = macro.parameters;
  std::vector<Dict::Entry> rest_named;
  std::vector<Value> values(parameters.size());
  std::vector<bool> given(parameters.size(), false);
  for (std::size_t i = 0; i < std::min(parameters.size(), arguments.positional.size()); ++i) {
    values[i] = arguments.positional[i];
    given[i] = true;
  }
  if (arguments.positional.size() > parameters.size() && !macro.takes_rest) {
    raise("macro '{}' takes not more than {} argument(s)", macro.text, parameters.size());
  }
  for (const auto& [name, value] : arguments.named) {
    heap_.step();
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&, &key = name](const Parameter& p) { return p.name == key; });
    if (found == parameters.end()) {
      if (!macro.takes_named) raise("macro '{}' takes no keyword argument '{}'", macro.text, name.substr(0, 80));
      rest_named.emplace_back(heap_.string(name), value);
      continue;
    }
    const auto index = static_cast<std::size_t>(found - parameters.begin());
    if (given[index]) raise("macro '{}' got multiple values for argument '{}'", macro.text, name.substr(0, 80));
    values[index] = value;
    given[index] = true;
  }
  if (macro.takes_named) scope->set("kwargs", heap_.dict(std::move(rest_named)));
  if (macro.takes_rest) {
    const std::size_t bound = std::min(parameters.size(), arguments.positional.size());
    std::vector<Value> rest(arguments.positional.begin() + static_cast<std::ptrdiff_t>(bound),
                            arguments.positional.end());
    scope->set("varargs", heap_.sequence(std::move(rest), SequenceKind::kTuple));
  }
  // In order, so that a default sees the parameters before it.
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!given[i]) {
      values[i] = parameters[i].fallback != nullptr
                      ? evaluate(*parameters[i].fallback, scope)
                      : Value::undefined(fmt::format("parameter '{}' was not provided", parameters[i].name));
    }
    scope->set(parameters[i].name, values[i]);
  }
}

Value Evaluator::call_macro(const Statement& macro, const ScopeRef& scope, const Arguments& arguments) {
  const ScopeRef inner = std::make_shared<Scope>(Scope{scope, {}});
  const int caller_line = line_;
  bind_parameters(macro, inner, arguments);
  MarkedText out;
  execute(macro.body, inner, out);
  line_ = caller_line;
  return heap_.string(std::move(out));
}

}  // namespace marlin::jinja
