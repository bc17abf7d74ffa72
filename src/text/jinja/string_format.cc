// SPDX-License-Identifier: Apache-2.0
// "..." % values and "...".format(values), as far as templates use them: positions, names, width, precision and sign.
// Inserted strings keep their origin. Characters made from numbers (%c) are refused, as they would lose it.
#include <algorithm>
#include <cmath>

#include "text/jinja/arguments.h"
#include "text/jinja/methods.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

constexpr std::int64_t kMaxPrecision = 100;

struct Spec {
  std::string flags;
  std::int64_t width = 0;
  std::int64_t precision = -1;
  char type = '\0';
};

// Walks a format string of '%' directives.
class PercentFormat {
 public:
  PercentFormat(Heap& heap, const MarkedText& format, const Value& values)
      : heap_(heap), format_(format), values_(values) {
    if (values.is_sequence() && values.sequence().kind == SequenceKind::kTuple)
      positional_ = values.sequence().items;
    else
      positional_ = {values};
  }

  MarkedText run() {
    const std::string& bytes = format_.bytes();
    while (at_ < bytes.size()) {
      const std::size_t percent = std::min(bytes.find('%', at_), bytes.size());
      out_.append(format_, at_, percent);
      at_ = percent + 1;
      if (percent < bytes.size()) directive();
    }
    const bool subscriptable = values_.is_dict() || values_.is_undefined() ||
                               (values_.is_sequence() && values_.sequence().kind != SequenceKind::kTuple);
    if (used_ < positional_.size() && !subscriptable) raise("not all arguments converted during string formatting");
    return std::move(out_);
  }

 private:
  char take() {
    if (at_ >= format_.size()) raise("incomplete format");
    return format_.bytes()[at_++];
  }

  const Value& next_value() {
    if (used_ >= positional_.size()) raise("not enough arguments for format string");
    return positional_[used_++];
  }

  std::int64_t number(char& c) {
    std::int64_t value = 0;
    for (; c >= '0' && c <= '9'; c = take()) value = std::min<std::int64_t>(value * 10 + (c - '0'), 1 << 30);
    return value;
  }

  void directive() {
    heap_.step();
    char c = take();
    if (c == '%') {
      out_.append(format_, at_ - 1, at_);
      return;
    }
    Value named;
    const bool by_name = c == '(';
    if (by_name) {
      const std::size_t end = format_.bytes().find(')', at_);
      if (end == std::string::npos) raise("incomplete format key");
      if (!values_.is_dict()) raise("format requires a mapping");
      const std::string key = format_.bytes().substr(at_, end - at_);
      const Value* found = values_.dict().find(key);
      if (found == nullptr) raise("'{}'", key.substr(0, 80));
      named = *found;
      at_ = end + 1;
      c = take();
    }
    Spec spec;
    for (; std::string_view("-+ 0#").find(c) != std::string_view::npos; c = take()) spec.flags += c;
    spec.width = number(c);
    if (c == '.') {
      c = take();
      spec.precision = number(c);
    }
    spec.type = c;
    insert(spec, by_name ? named : next_value());
  }

  [[nodiscard]] static bool has(const Spec& spec, char flag) { return spec.flags.find(flag) != std::string::npos; }

  void insert(const Spec& spec, const Value& value) {
    if (spec.type == 's' || spec.type == 'r') {
      MarkedText text = spec.type == 's' ? to_text(heap_, value) : to_repr(heap_, value);
      if (spec.precision >= 0)
        text = text.slice(0, code_point_offset(text.bytes(), static_cast<std::size_t>(spec.precision)));
      pad(spec, text, ' ');
      return;
    }
    if (!value.is_number()) raise("%{} format: a real number is required, not {}", spec.type, value.type_name());
    pad(spec, MarkedText(digits(spec, value), false), has(spec, '0') && !has(spec, '-') ? '0' : ' ');
  }

  static std::string digits(const Spec& spec, const Value& value) {
    std::string text;
    const std::int64_t precision = spec.precision < 0 ? 6 : std::min(spec.precision, kMaxPrecision);
    const auto integer = [&]() -> std::int64_t {
      if (!value.is_real()) return value.as_integer();
      if (!(std::fabs(value.as_real()) < 0x1p63)) raise("cannot convert {} to integer", real_repr(value.as_real()));
      return static_cast<std::int64_t>(value.as_real());
    };
    switch (spec.type) {
      case 'd':
      case 'i':
      case 'u':
        text = fmt::format("{}", integer());
        break;
      case 'x':
        text = fmt::format("{:x}", integer());
        break;
      case 'X':
        text = fmt::format("{:X}", integer());
        break;
      case 'o':
        text = fmt::format("{:o}", integer());
        break;
      case 'f':
      case 'F':
        text = fmt::format("{:.{}f}", value.as_real(), precision);
        break;
      case 'e':
        text = fmt::format("{:.{}e}", value.as_real(), precision);
        break;
      case 'g':
        text = fmt::format("{:.{}g}", value.as_real(), std::max<std::int64_t>(precision, 1));
        break;
      default:
        raise("unsupported format character '{}'", spec.type);
    }
    if (text[0] != '-' && has(spec, '+')) return "+" + text;
    if (text[0] != '-' && has(spec, ' ')) return " " + text;
    return text;
  }

  void pad(const Spec& spec, const MarkedText& text, char fill) {
    const auto length = static_cast<std::int64_t>(count_code_points(text.bytes()));
    const auto missing = static_cast<std::size_t>(std::max<std::int64_t>(0, spec.width - length));
    heap_.check_size(out_.footprint() + missing + text.size());
    heap_.scan(missing + text.size());
    if (has(spec, '-')) {
      out_.append(text);
      out_.append(std::string(missing, ' '), false);
      return;
    }
    const bool sign =
        fill == '0' && !text.empty() && std::string_view("+- ").find(text.bytes()[0]) != std::string_view::npos;
    if (sign) out_.append(text, 0, 1);
    out_.append(std::string(missing, fill), false);
    out_.append(text, sign ? 1 : 0, text.size());
  }

  Heap& heap_;
  const MarkedText& format_;
  const Value& values_;
  std::vector<Value> positional_;
  std::size_t used_ = 0;
  std::size_t at_ = 0;
  MarkedText out_;
};

const Value& argument_named(const Arguments& arguments, const std::string& field, std::size_t& automatic) {
  const bool is_index = std::all_of(field.begin(), field.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_index) {
    for (const auto& [name, value] : arguments.named) {
      if (name == field) return value;
    }
    raise("format field '{}' has no argument", field.substr(0, 80));
  }
  if (field.size() > 6) raise("format field '{}' is out of range", field.substr(0, 80));
  const std::size_t index = field.empty() ? automatic++ : static_cast<std::size_t>(std::stoul(field));
  if (index >= arguments.positional.size()) raise("format field {} has no argument", index);
  return arguments.positional[index];
}

}  // namespace

Value format_percent(Heap& heap, const MarkedText& format, const Value& values) {
  return heap.string(PercentFormat(heap, format, values).run());
}

Value format_braces(Heap& heap, const Value& self, const Arguments& arguments) {
  const MarkedText& format = self.text();
  const std::string& bytes = format.bytes();
  MarkedText out;
  std::size_t automatic = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t brace = std::min(bytes.find_first_of("{}", i), bytes.size());
    out.append(format, i, brace);
    if (brace == bytes.size()) break;
    heap.step();
    if (brace + 1 < bytes.size() && bytes[brace + 1] == bytes[brace]) {
      out.append(format, brace, brace + 1);
      i = brace + 2;
      continue;
    }
    const std::size_t end = bytes.find('}', brace);
    if (bytes[brace] == '}' || end == std::string::npos)
      raise("single '{}' encountered in format string", bytes[brace]);
    const std::string field = bytes.substr(brace + 1, end - brace - 1);
    if (field.find_first_of(":!.[{") != std::string::npos) {
      raise("format field '{}' is not supported: only {{}}, {{0}} and {{name}} are", field.substr(0, 80));
    }
    const MarkedText text = to_text(heap, argument_named(arguments, field, automatic));
    heap.check_size(out.footprint() + text.footprint());
    heap.scan(text.size());
    out.append(text);
    i = end + 1;
  }
  return heap.string(std::move(out));
}

}  // namespace marlin::jinja
