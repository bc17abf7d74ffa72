// SPDX-License-Identifier: Apache-2.0
// See schema_compiler.h: strings and numbers.
#include <cmath>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "grammar/integer_range.h"
#include "grammar/regex_grammar.h"
#include "grammar/schema_compiler.h"

namespace marlin {
namespace {

namespace json = boost::json;

constexpr std::string_view kDate = R"(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))";
constexpr std::string_view kTime = R"(([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d))";
constexpr std::string_view kUuid = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";

/// The pattern of a format; none for those that mean nothing here.
std::optional<std::string> pattern_of_format(std::string_view format) {
  if (format == "date") return fmt::format("^{}$", kDate);
  if (format == "time") return fmt::format("^{}$", kTime);
  if (format == "date-time") return fmt::format("^{}T{}$", kDate, kTime);
  if (format == "uuid") return fmt::format("^{}$", kUuid);
  return std::nullopt;
}

const json::value* number_under(const json::object& schema, const char* keyword, const std::string& pointer) {
  const json::value* value = schema.if_contains(keyword);
  if (value != nullptr && !value->is_number()) fail_malformed(pointer_to(pointer, keyword), "it must be a number");
  return value;
}

int compare(SignedMagnitude a, SignedMagnitude b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int by_size = a.magnitude < b.magnitude ? -1 : a.magnitude > b.magnitude ? 1 : 0;
  return a.negative ? -by_size : by_size;
}

/// An integer within what can be spelled; zero is not negative.
SignedMagnitude integer_of(bool negative, std::uint64_t magnitude) {
  return {negative && magnitude != 0, std::min(magnitude, kMaxMagnitude)};
}

/// `value` rounded up or down to an integer; `step` -1, 0 or 1 is added to it if it was one.
SignedMagnitude rounded(const json::value& value, bool up, int step) {
  SignedMagnitude bound;
  if (const double* real = value.if_double()) {
    const double whole = up ? std::ceil(*real) : std::floor(*real);
    if (whole != *real) step = 0;
    const double size = std::fabs(whole);
    bound = integer_of(whole < 0, size >= 1e19 ? kMaxMagnitude : static_cast<std::uint64_t>(size));
  } else if (const std::int64_t* integer = value.if_int64()) {
    const auto bits = static_cast<std::uint64_t>(*integer);
    bound = integer_of(*integer < 0, *integer < 0 ? 0 - bits : bits);
  } else {
    bound = integer_of(false, value.get_uint64());
  }
  if (step == 0) return bound;
  const bool away_from_zero = bound.magnitude == 0 || bound.negative == (step < 0);
  if (away_from_zero) return integer_of(step < 0, bound.magnitude + 1);
  return integer_of(bound.negative, bound.magnitude - 1);
}

}  // namespace

Expr SchemaCompiler::compile_string(const json::object& schema, const std::string& pointer) {
  const std::uint32_t min = count_under(schema, "minLength", pointer).value_or(0);
  const std::uint32_t max = count_under(schema, "maxLength", pointer).value_or(kUnbounded);
  const bool has_length = min > 0 || max != kUnbounded;
  const auto quoted = [&](Expr characters) {
    return builder_.sequence({builder_.literal("\""), characters, builder_.literal("\"")});
  };
  const auto text_under = [&](const char* keyword) -> std::optional<std::string_view> {
    const json::value* value = schema.if_contains(keyword);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) fail_malformed(pointer_to(pointer, keyword), "it must be a string");
    return std::string_view(value->get_string().data(), value->get_string().size());
  };
  const std::optional<std::string_view> pattern = text_under("pattern");
  const std::optional<std::string> of_format = pattern_of_format(text_under("format").value_or(""));
  if ((pattern || of_format) && (has_length || (pattern && of_format))) {
    fail_unsupported(pointer, "of a length, 'pattern' and 'format', only one can be enforced");
  }
  if (pattern) {
    return quoted(pattern_characters(rules_, *pattern, "JSON schema, " + pointer_to(pointer, "pattern")));
  }
  if (of_format) return quoted(pattern_characters(rules_, *of_format, "format"));
  if (!has_length) return rules_.any_string();
  if (min > max) return builder_.choice({});
  if (min > GrammarBuilder::kMaxRepeat || (max > GrammarBuilder::kMaxRepeat && max != kUnbounded)) {
    fail_unsupported(pointer, fmt::format("a length must be at most {}", GrammarBuilder::kMaxRepeat));
  }
  return quoted(builder_.repeat(rules_.any_character(), min, max));
}

Expr SchemaCompiler::compile_integer(const json::object& schema, const std::string& pointer) {
  SignedMagnitude min = integer_of(true, kMaxMagnitude);
  SignedMagnitude max = integer_of(false, kMaxMagnitude);
  const auto raise = [&](const char* keyword, int step) {
    const json::value* value = number_under(schema, keyword, pointer);
    if (value == nullptr) return;
    if (const SignedMagnitude bound = rounded(*value, true, step); compare(bound, min) > 0) min = bound;
  };
  const auto lower = [&](const char* keyword, int step) {
    const json::value* value = number_under(schema, keyword, pointer);
    if (value == nullptr) return;
    if (const SignedMagnitude bound = rounded(*value, false, step); compare(bound, max) < 0) max = bound;
  };
  raise("minimum", 0);
  raise("exclusiveMinimum", 1);
  lower("maximum", 0);
  lower("exclusiveMaximum", -1);
  return compare(min, max) > 0 ? builder_.choice({}) : integers_between(builder_, min, max);
}

Expr SchemaCompiler::compile_number(const json::object& schema, const std::string& pointer) {
  bool may_be_negative = true;
  for (const char* keyword : {"minimum", "exclusiveMinimum"}) {
    const json::value* value = number_under(schema, keyword, pointer);
    if (value != nullptr && value->to_number<double>() >= 0) may_be_negative = false;
  }
  number_under(schema, "maximum", pointer);
  number_under(schema, "exclusiveMaximum", pointer);
  return rules_.number(may_be_negative);
}

}  // namespace marlin
