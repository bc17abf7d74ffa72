// SPDX-License-Identifier: Apache-2.0
// Every result that does not fit is refused before it is built; undefined operands fail with their own message.
#include "text/jinja/operators.h"

#include <cmath>

#include "text/jinja/methods.h"

namespace marlin::jinja {
namespace {

[[noreturn]] void overflow() { raise("integer result does not fit 64 bits"); }

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  if (b == 0) raise("integer division or modulo by zero");
  if (b == -1) {  // the smallest integer has no positive counterpart
    std::int64_t result = 0;
    if (__builtin_sub_overflow(std::int64_t{0}, a, &result)) overflow();
    return result;
  }
  const std::int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

std::int64_t floor_modulo(std::int64_t a, std::int64_t b) {
  if (b == 0) raise("integer division or modulo by zero");
  if (b == -1) return 0;
  const std::int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow();
  }
  return result;
}

Value integer_operation(std::string_view symbol, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflowed = false;
  if (symbol == "+") {
    overflowed = __builtin_add_overflow(a, b, &result);
  } else if (symbol == "-") {
    overflowed = __builtin_sub_overflow(a, b, &result);
  } else if (symbol == "*") {
    overflowed = __builtin_mul_overflow(a, b, &result);
  } else if (symbol == "//") {
    result = floor_divide(a, b);
  } else if (symbol == "%") {
    result = floor_modulo(a, b);
  } else if (b < 0) {
    if (a == 0) raise("0.0 cannot be raised to a negative power");
    return Value::real(std::pow(static_cast<double>(a), static_cast<double>(b)));
  } else {
    result = integer_power(a, b);
  }
  if (overflowed) overflow();
  return Value::integer(result);
}

Value real_operation(std::string_view symbol, double a, double b) {
  if (symbol == "+") return Value::real(a + b);
  if (symbol == "-") return Value::real(a - b);
  if (symbol == "*") return Value::real(a * b);
  if (symbol == "**") {
    if (a == 0 && b < 0) raise("0.0 cannot be raised to a negative power");
    if (a < 0 && b != std::floor(b)) raise("negative number cannot be raised to a fractional power");
    return Value::real(std::pow(a, b));
  }
  if (b == 0) raise("float division by zero");
  if (symbol == "/") return Value::real(a / b);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  return symbol == "%" ? Value::real(rest) : Value::real(std::floor((a - rest) / b + 0.5));
}

Value repeat_text(Heap& heap, const MarkedText& text, std::size_t count) {
  const std::size_t total = text.footprint_repeated(count);
  heap.check_size(total);
  MarkedText out;
  for (std::size_t i = 0; !text.empty() && i < count; ++i) out.append(text);
  heap.step(count / 16);
  return heap.string(std::move(out));
}

Value repeat(Heap& heap, const Value& value, std::int64_t times) {
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(times, 0));
  if (value.is_string()) return repeat_text(heap, value.text(), value.text().empty() ? 0 : count);
  const std::vector<Value>& source = value.sequence().items;
  std::size_t total = 0;
  heap.check_size(__builtin_mul_overflow(source.size() * sizeof(Value), count, &total) ? SIZE_MAX : total);
  heap.step(total / sizeof(Value));
  std::vector<Value> items;
  for (std::size_t i = 0; !source.empty() && i < count; ++i) items.insert(items.end(), source.begin(), source.end());
  return heap.sequence(std::move(items), value.sequence().kind);
}

bool is_concrete(const Value& value) {
  return value.is_sequence() &&
         (value.sequence().kind == SequenceKind::kList || value.sequence().kind == SequenceKind::kTuple);
}

Value concatenate(Heap& heap, const Value& a, const Value& b) {
  if (a.is_string()) {
    heap.check_size(a.text().footprint() + b.text().footprint());
    MarkedText out = a.text();
    out.append(b.text());
    return heap.string(std::move(out));
  }
  std::vector<Value> items = a.sequence().items;
  heap.check_size((items.size() + b.sequence().items.size()) * sizeof(Value));
  items.insert(items.end(), b.sequence().items.begin(), b.sequence().items.end());
  return heap.sequence(std::move(items), a.sequence().kind);
}

}  // namespace

Value binary_operation(Heap& heap, std::string_view symbol, const Value& a, const Value& b) {
  heap.step();
  if (symbol == "%" && a.is_string()) return format_percent(heap, a.text(), b);
  for (const Value* side : {&a, &b}) {
    if (const auto* missing = side->get<Undefined>()) raise("{}", *missing->message);
  }
  if (a.is_number() && b.is_number()) {
    if (a.is_real() || b.is_real() || symbol == "/") return real_operation(symbol, a.as_real(), b.as_real());
    return integer_operation(symbol, a.as_integer(), b.as_integer());
  }
  if (symbol == "+") {
    if (a.is_string() && b.is_string()) return concatenate(heap, a, b);
    if (is_concrete(a) && is_concrete(b) && a.sequence().kind == b.sequence().kind) return concatenate(heap, a, b);
    if (a.is_string()) raise("can only concatenate str (not \"{}\") to str", b.type_name());
    if (is_concrete(a)) raise("can only concatenate {0} (not \"{1}\") to {0}", a.type_name(), b.type_name());
  }
  if (symbol == "*") {
    const bool left = (a.is_string() || is_concrete(a)) && (b.is_integer() || b.is_bool());
    const bool right = (b.is_string() || is_concrete(b)) && (a.is_integer() || a.is_bool());
    if (left) return repeat(heap, a, b.as_integer());
    if (right) return repeat(heap, b, a.as_integer());
  }
  raise("unsupported operand type(s) for {}: '{}' and '{}'", symbol, a.type_name(), b.type_name());
}

Value negate(const Value& a) {
  if (const auto* missing = a.get<Undefined>()) raise("{}", *missing->message);
  if (a.is_real()) return Value::real(-a.as_real());
  if (!a.is_number()) raise("bad operand type for unary -: '{}'", a.type_name());
  return integer_operation("-", 0, a.as_integer());
}

Value unary_plus(const Value& a) {
  if (const auto* missing = a.get<Undefined>()) raise("{}", *missing->message);
  if (!a.is_number()) raise("bad operand type for unary +: '{}'", a.type_name());
  return a.is_bool() ? Value::integer(a.as_integer()) : a;
}

}  // namespace marlin::jinja
