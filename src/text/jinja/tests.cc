// SPDX-License-Identifier: Apache-2.0
// The tests of `value is name(arguments)`.
#include <algorithm>
#include <string_view>

#include "text/jinja/arguments.h"
#include "text/jinja/compare.h"
#include "text/jinja/filters.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/string_case.h"

namespace marlin::jinja {
namespace {

struct Test {
  std::string_view name;
  std::size_t parameters;
  bool (*passes)(Heap& heap, const Value& value, const std::vector<Value>& arguments);
};

using Values = std::vector<Value>;

bool is_defined(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) { return !value.is_undefined(); }
bool is_undefined(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) { return value.is_undefined(); }
bool is_none(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) { return value.is_none(); }
bool is_string(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) { return value.is_string(); }
bool is_mapping(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) { return value.is_dict(); }
bool is_number(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) { return value.is_number(); }
bool is_integer(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) { return value.is_integer(); }
bool is_float(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) { return value.is_real(); }
bool is_boolean(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) { return value.is_bool(); }
bool is_true(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) {
  return value.is_bool() && value.truthy();
}
bool is_false(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) {
  return value.is_bool() && !value.truthy();
}
bool is_escaped(Heap& /*heap*/, const Value& /*value*/, const Values& /*arguments*/) { return false; }

bool is_iterable(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) {
  return value.is_string() || value.is_sequence() || value.is_dict() || value.is_undefined() ||
         value.get<LoopRef>() != nullptr;
}

// As in Jinja2: whatever has a length and indexing, so strings, mappings and even undefined, but no views or
// generators.
bool is_sequence(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) {
  if (value.is_sequence()) return value.sequence().kind <= SequenceKind::kRange;
  return value.is_string() || value.is_dict() || value.is_undefined();
}

bool is_callable(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) {
  return value.get<CallableRef>() != nullptr || value.is_undefined();
}

bool divides(Heap& heap, const Value& value, const Value& divisor) {
  return !binary_operation(heap, "%", value, divisor).truthy();
}

bool is_even(Heap& heap, const Value& value, const Values& /*arguments*/) {
  return divides(heap, value, Value::integer(std::int64_t{2}));
}
bool is_odd(Heap& heap, const Value& value, const Values& arguments) { return !is_even(heap, value, arguments); }
bool is_divisible_by(Heap& heap, const Value& value, const Values& arguments) {
  return divides(heap, value, arguments[0]);
}

bool is_equal(Heap& heap, const Value& value, const Values& arguments) { return equals(heap, value, arguments[0]); }
bool is_unequal(Heap& heap, const Value& value, const Values& arguments) { return !equals(heap, value, arguments[0]); }
bool is_less(Heap& heap, const Value& value, const Values& arguments) {
  return compare(heap, value, arguments[0], "<") < 0;
}
bool is_less_or_equal(Heap& heap, const Value& value, const Values& arguments) {
  return compare(heap, value, arguments[0], "<=") <= 0;
}
bool is_greater(Heap& heap, const Value& value, const Values& arguments) {
  return compare(heap, value, arguments[0], ">") > 0;
}
bool is_greater_or_equal(Heap& heap, const Value& value, const Values& arguments) {
  return compare(heap, value, arguments[0], ">=") >= 0;
}
bool is_in(Heap& heap, const Value& value, const Values& arguments) { return contains(heap, arguments[0], value); }
bool is_same_as(Heap& /*heap*/, const Value& value, const Values& arguments) { return value.same_as(arguments[0]); }

bool is_lower(Heap& heap, const Value& value, const Values& /*arguments*/) {
  const Value text = to_string(heap, value);
  heap.walk(2 * text.text().size());
  return lowered(text.text()).bytes() == text.bytes() && uppered(text.text()).bytes() != text.bytes();
}
bool is_upper(Heap& heap, const Value& value, const Values& /*arguments*/) {
  const Value text = to_string(heap, value);
  heap.walk(2 * text.text().size());
  return uppered(text.text()).bytes() == text.bytes() && lowered(text.text()).bytes() != text.bytes();
}

bool names_filter(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) {
  return value.is_string() && is_filter(value.bytes());
}
bool names_test(Heap& /*heap*/, const Value& value, const Values& /*arguments*/) {
  return value.is_string() && is_test(value.bytes());
}

constexpr Test kTests[] = {{"!=", 1, is_unequal},
                           {"<", 1, is_less},
                           {"<=", 1, is_less_or_equal},
                           {"==", 1, is_equal},
                           {">", 1, is_greater},
                           {">=", 1, is_greater_or_equal},
                           {"boolean", 0, is_boolean},
                           {"callable", 0, is_callable},
                           {"defined", 0, is_defined},
                           {"divisibleby", 1, is_divisible_by},
                           {"eq", 1, is_equal},
                           {"equalto", 1, is_equal},
                           {"escaped", 0, is_escaped},
                           {"even", 0, is_even},
                           {"false", 0, is_false},
                           {"filter", 0, names_filter},
                           {"float", 0, is_float},
                           {"ge", 1, is_greater_or_equal},
                           {"greaterthan", 1, is_greater},
                           {"gt", 1, is_greater},
                           {"in", 1, is_in},
                           {"integer", 0, is_integer},
                           {"iterable", 0, is_iterable},
                           {"le", 1, is_less_or_equal},
                           {"lessthan", 1, is_less},
                           {"lower", 0, is_lower},
                           {"lt", 1, is_less},
                           {"mapping", 0, is_mapping},
                           {"ne", 1, is_unequal},
                           {"none", 0, is_none},
                           {"number", 0, is_number},
                           {"odd", 0, is_odd},
                           {"sameas", 1, is_same_as},
                           {"sequence", 0, is_sequence},
                           {"string", 0, is_string},
                           {"test", 0, names_test},
                           {"true", 0, is_true},
                           {"undefined", 0, is_undefined},
                           {"upper", 0, is_upper}};

const Test* find_test(std::string_view name) {
  const Test* found =
      std::find_if(std::begin(kTests), std::end(kTests), [&](const Test& test) { return test.name == name; });
  return found == std::end(kTests) ? nullptr : found;
}

}  // namespace

bool is_test(std::string_view name) { return find_test(name) != nullptr; }

bool apply_test(Heap& heap, std::string_view name, const Value& value, const Arguments& arguments) {
  const Test* test = find_test(name);
  if (test == nullptr) raise("no test named '{}'", name.substr(0, 80));
  heap.step();
  if (!arguments.named.empty() || arguments.positional.size() != test->parameters) {
    raise("test '{}' takes {} arguments ({} given)", name, test->parameters,
          arguments.positional.size() + arguments.named.size());
  }
  return test->passes(heap, value, arguments.positional);
}

}  // namespace marlin::jinja
