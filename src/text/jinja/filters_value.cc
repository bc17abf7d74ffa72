// SPDX-License-Identifier: Apache-2.0
// Filters about single values: numbers, default, JSON.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "text/jinja/access.h"
#include "text/jinja/arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/json_text.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/string_edit.h"

namespace marlin::jinja {
namespace {

Value or_default(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("default", arguments, {"default_value", "boolean"});
  const bool replace = value.is_undefined() || (bound.truthy_or(1, false) && !value.truthy());
  if (!replace) return value;
  return bound.get(0) == nullptr ? heap.string("") : *bound.get(0);
}

[[noreturn]] void raise_undefined(const Value& value) { raise("{}", *value.get<Undefined>()->message); }

// int(text, base) of Python: signs, underscores and surrounding spaces allowed.
std::optional<std::int64_t> parse_integer(Heap& heap, const MarkedText& source, std::int64_t base) {
  std::string text = stripped(heap, source, nullptr, true, true).bytes();
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  std::string_view digits = text;
  const bool negative = !digits.empty() && digits[0] == '-';
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
  if (digits.size() > 2 && digits[0] == '0') {
    const char letter = static_cast<char>(digits[1] | 0x20);
    const std::int64_t implied = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    if (implied != 0 && implied == base) digits.remove_prefix(2);
  }
  std::uint64_t magnitude = 0;
  if (base < 2 || base > 36) raise("int() base must be >= 2 and <= 36");
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, static_cast<int>(base));
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (magnitude > std::uint64_t{1} << 62U) raise("integer '{}' is too large", text.substr(0, 40));
  const auto value = static_cast<std::int64_t>(magnitude);
  return negative ? -value : value;
}

std::optional<double> parse_real(Heap& heap, const MarkedText& source) {
  const std::string text = stripped(heap, source, nullptr, true, true).bytes();
  if (text.empty() || text.find_first_of("xXpP(") != std::string::npos)
    return std::nullopt;  // strtod reads more than Python
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end != text.c_str() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> truncated(double value) {
  if (!(std::fabs(value) < 0x1p63)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

Value to_integer(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("int", arguments, {"default", "base"});
  const Value otherwise = bound.get(0) == nullptr ? Value::integer(std::int64_t{0}) : *bound.get(0);
  if (value.is_undefined()) raise_undefined(value);
  std::optional<std::int64_t> result;
  if (value.is_string()) {
    result = parse_integer(heap, value.text(), bound.integer_or(1, 10));
    if (!result) {
      if (const auto real = parse_real(heap, value.text())) result = truncated(*real);
    }
  } else if (value.is_real()) {
    result = truncated(value.as_real());
  } else if (value.is_number()) {
    result = value.as_integer();
  }
  return result ? Value::integer(*result) : otherwise;
}

Value to_real(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("float", arguments, {"default"});
  if (value.is_undefined()) raise_undefined(value);
  if (value.is_number()) return Value::real(value.as_real());
  if (value.is_string()) {
    if (const auto real = parse_real(heap, value.text())) return Value::real(*real);
  }
  return bound.get(0) == nullptr ? Value::real(0.0) : *bound.get(0);
}

Value absolute(Heap& /*heap*/, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("abs", arguments, {});
  if (value.is_undefined()) raise_undefined(value);
  if (!value.is_number()) raise("bad operand type for abs(): '{}'", value.type_name());
  if (value.is_real()) return Value::real(std::fabs(value.as_real()));
  return value.as_integer() < 0 ? negate(value) : unary_plus(value);
}

Value round_number(Heap& /*heap*/, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("round", arguments, {"precision", "method"});
  if (value.is_undefined()) raise_undefined(value);
  if (!value.is_number()) raise("type {} doesn't define __round__ method", value.type_name());
  const std::int64_t precision = std::clamp<std::int64_t>(bound.integer_or(0, 0), -300, 300);
  const std::string method = bound.get(1) == nullptr ? "common" : bound.text(1).bytes();
  const double number = value.as_real();
  if (method == "common") {
    if (!std::isfinite(number)) return Value::real(number);
    if (precision >= 0) {  // printing rounds the exact binary value, half to even, as Python's round does
      const Value rounded = Value::real(std::strtod(fmt::format("{:.{}f}", number, precision).c_str(), nullptr));
      return value.is_real() ? rounded : unary_plus(value);
    }
    const double scale = std::pow(10.0, static_cast<double>(-precision));
    const double rounded = std::nearbyint(number / scale) * scale;
    return value.is_real() ? Value::real(rounded) : Value::integer(truncated(rounded).value_or(0));
  }
  if (method != "ceil" && method != "floor") raise("round: method must be common, ceil or floor");
  const double scale = std::pow(10.0, static_cast<double>(precision));
  return Value::real((method == "ceil" ? std::ceil(number * scale) : std::floor(number * scale)) / scale);
}

JsonStyle json_style(Heap& heap, const BoundArguments& bound) {
  JsonStyle style;
  style.ensure_ascii = bound.truthy_or(0, false);
  style.sort_keys = bound.truthy_or(3, false);
  if (const Value* indent = bound.unless_none(1)) {
    style.indented = true;
    style.item_separator = ",";
    if (indent->is_string()) {
      style.indent = indent->bytes();
    } else {
      const auto width = static_cast<std::size_t>(std::max<std::int64_t>(0, bound.integer(1)));
      heap.check_size(width);
      style.indent = std::string(width, ' ');
    }
  }
  if (const Value* separators = bound.unless_none(2)) {
    const SequenceRef pair = iterate(heap, *separators);
    if (pair->items.size() != 2 || !pair->items[0].is_string() || !pair->items[1].is_string()) {
      raise("tojson: separators must be two strings");
    }
    style.item_separator = pair->items[0].bytes();
    style.key_separator = pair->items[1].bytes();
  }
  return style;
}

Value tojson(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  return heap.string(to_json(heap, value, json_style(heap, bound)));
}

// Not in Jinja2, but newer templates count on it: text to value. Any user input in the text marks all strings of the
// value.
Value parse_json_text(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("from_json", arguments, {});
  if (value.is_undefined()) raise_undefined(value);
  if (!value.is_string()) return value;
  boost::json::parse_options options;
  options.max_depth = heap.limits().max_value_depth;
  boost::system::error_code error;
  heap.walk(value.text().size());
  heap.check_size(value.text().size() * 16);  // the value of "[1,1,1]" is so much larger than its text
  const boost::json::value parsed = boost::json::parse(value.bytes(), error, {}, options);
  if (error) raise("from_json: {}", error.message());
  return from_json(heap, parsed, value.text().any_from_input());
}

Value attribute(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("attr", arguments, {"name"}, 1);
  const std::string& name = bound.text(0).bytes();
  const bool item = value.is_dict() && find_method(value, name) == nullptr && !is_forbidden_method(value, name);
  if (item) return Value::undefined(fmt::format("'dict object' has no attribute '{}'", name.substr(0, 80)));
  return get_attribute(heap, value, name);
}

constexpr Filter kFilters[] = {{"abs", absolute},
                               {"attr", attribute},
                               {"d", or_default},
                               {"default", or_default},
                               {"float", to_real},
                               {"from_json", parse_json_text},
                               {"fromjson", parse_json_text},
                               {"int", to_integer},
                               {"round", round_number},
                               {"tojson", tojson}};

}  // namespace

const Filter* find_value_filter(std::string_view name) {
  const Filter* found =
      std::find_if(std::begin(kFilters), std::end(kFilters), [&](const Filter& f) { return f.name == name; });
  return found == std::end(kFilters) ? nullptr : found;
}

}  // namespace marlin::jinja
