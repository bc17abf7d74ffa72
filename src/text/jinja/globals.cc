// SPDX-License-Identifier: Apache-2.0
// A global function is made anew whenever its name is looked up, so a template keeps no state between renderings.
#include "text/jinja/globals.h"

#include <algorithm>
#include <array>
#include <limits>

#include "text/jinja/access.h"
#include "text/jinja/arguments.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

constexpr std::int64_t kMaxRange = 100'000;  // as Jinja2's sandbox

// Entries of dict(mapping or pairs, name=value...).
std::vector<Dict::Entry> dict_entries(Heap& heap, std::string_view function, const Arguments& arguments) {
  std::vector<Dict::Entry> entries;
  if (arguments.positional.size() > 1)
    raise("{} expected at most 1 argument, got {}", function, arguments.positional.size());
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional.front();
    if (source.is_dict()) {
      entries = source.dict().entries();
    } else {
      const SequenceRef pairs = iterate(heap, source);
      for (const Value& pair : pairs->items) {
        const SequenceRef items = iterate(heap, pair);
        if (items->items.size() != 2) raise("{} needs pairs of key and value", function);
        entries.emplace_back(items->items[0], items->items[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) entries.emplace_back(heap.string(name), value);
  heap.step(entries.size());
  return entries;
}

Value make_dict(Heap& heap, const Arguments& arguments) { return heap.dict(dict_entries(heap, "dict", arguments)); }

Value make_namespace(Heap& heap, const Arguments& arguments) {
  Value made = heap.make_namespace();
  const Value attributes = heap.dict(dict_entries(heap, "namespace", arguments));
  for (const auto& [key, value] : attributes.dict().entries()) {
    if (!key.is_string()) raise("namespace attribute names must be strings");
    (*made.get<NamespaceRef>())->attributes.emplace_back(key.bytes(), value);
  }
  return made;
}

Value make_range(Heap& heap, const Arguments& arguments) {
  const bool only_end = arguments.positional.size() == 1;
  const BoundArguments bound("range", arguments, {"start", "stop", "step"}, 1);
  const std::int64_t begin = only_end ? 0 : bound.integer(0);
  const std::int64_t end = only_end ? bound.integer(0) : bound.integer_or(1, 0);
  const std::int64_t step = bound.integer_or(2, 1);
  if (step == 0) raise("range() arg 3 must not be zero");
  std::vector<Value> items;
  for (std::int64_t i = begin; step > 0 ? i < end : i > end;) {
    if (static_cast<std::int64_t>(items.size()) == kMaxRange) {
      raise("range too big: the sandbox blocks ranges larger than {}", kMaxRange);
    }
    items.push_back(Value::integer(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  heap.step(items.size());
  return heap.sequence(std::move(items), SequenceKind::kRange);
}

Value raise_exception(Heap& heap, const Arguments& arguments) {
  const BoundArguments bound("raise_exception", arguments, {"message"}, 1);
  constexpr std::size_t kMaxCharacters = 2000;
  const std::string message = to_text(heap, *bound.get(0)).bytes();
  raise("{}", message.substr(0, code_point_offset(message, kMaxCharacters)));
}

std::tm local_time() {
  const std::time_t seconds = std::time(nullptr);
  std::tm out{};
  localtime_r(&seconds, &out);
  return out;
}

// One conversion at a time, and only known ones: what strftime does with others is undefined.
Value format_time(Heap& heap, const std::tm& now, const MarkedText& format) {
  constexpr std::string_view kKnown = "aAbBcdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%";
  const std::string& bytes = format.bytes();
  MarkedText out;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t percent = std::min(bytes.find('%', i), bytes.size());
    out.append(format, i, percent);
    if (percent == bytes.size()) break;
    heap.step();
    const std::size_t flag = percent + 1 < bytes.size() && bytes[percent + 1] == '-' ? 1 : 0;  // %-d: no leading zero
    const char letter = percent + 1 + flag < bytes.size() ? bytes[percent + 1 + flag] : '\0';
    i = std::min(percent + 2 + flag, bytes.size());
    if (letter == 'f' && flag == 0) {
      out.append("000000", false);
    } else if (letter == '\0' || kKnown.find(letter) == std::string_view::npos) {
      out.append(format, percent, i);
    } else {
      const std::string directive = bytes.substr(percent, i - percent);
      std::array<char, 256> buffer{};
      const std::size_t written = std::strftime(buffer.data(), buffer.size(), directive.c_str(), &now);
      out.append({buffer.data(), written}, false);
    }
  }
  return heap.string(std::move(out));
}

Value callable(std::string_view name, std::function<Value(Heap&, const Arguments&)> call) {
  return Value(
      Value::Storage(std::make_shared<const Callable>(Callable{std::string(name), "function", std::move(call), 0})));
}

}  // namespace

std::optional<Value> find_global(std::string_view name, const std::optional<std::tm>& now) {
  if (name == "namespace") return callable(name, make_namespace);
  if (name == "range") return callable(name, make_range);
  if (name == "dict") return callable(name, make_dict);
  if (name == "raise_exception") return callable(name, raise_exception);
  if (name != "strftime_now") return std::nullopt;
  return callable(name, [now](Heap& heap, const Arguments& arguments) {
    const BoundArguments bound("strftime_now", arguments, {"format"}, 1);
    return format_time(heap, now ? *now : local_time(), bound.text(0));
  });
}

}  // namespace marlin::jinja
