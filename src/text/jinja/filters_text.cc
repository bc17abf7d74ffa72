// SPDX-License-Identifier: Apache-2.0
// Filters that make text of text. Most turn other values into text first, as Jinja2 does.
#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/print.h"
#include "text/jinja/string_case.h"
#include "text/jinja/string_edit.h"
#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

template <MarkedText (*Convert)(const MarkedText&)>
Value converted(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("filter", arguments, {});
  const Value text = to_string(heap, value);
  heap.walk(text.text().size());
  return heap.string(Convert(text.text()));
}

Value text_of(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("string", arguments, {});
  return to_string(heap, value);
}

Value trim(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("trim", arguments, {"chars"});
  const std::string* characters = bound.unless_none(0) == nullptr ? nullptr : &bound.text(0).bytes();
  return heap.string(stripped(heap, to_string(heap, value).text(), characters, true, true));
}

Value replace(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("replace", arguments, {"old", "new", "count"}, 2);
  const std::int64_t count = bound.unless_none(2) == nullptr ? -1 : bound.integer(2);
  const Value text = to_string(heap, value);
  const Value old_text = to_string(heap, *bound.get(0));
  const Value new_text = to_string(heap, *bound.get(1));
  return heap.string(replaced(heap, text.text(), old_text.text(), new_text.text(), count));
}

Value escape(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("escape", arguments, {});
  constexpr std::string_view kSpecial = "&<>'\"";
  constexpr std::string_view kEntities[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  const Value source = to_string(heap, value);
  heap.walk(source.text().size());
  const std::string& bytes = source.bytes();
  MarkedText out;
  std::size_t plain = 0;
  for (std::size_t i = bytes.find_first_of(kSpecial); i != std::string::npos;
       i = bytes.find_first_of(kSpecial, i + 1)) {
    out.append(source.text(), plain, i);
    out.append(kEntities[kSpecial.find(bytes[i])], source.text().from_input_at(i));
    plain = i + 1;
  }
  out.append(source.text(), plain, bytes.size());
  return heap.string(std::move(out));
}

// Lines after the first are indented, empty ones only if `blank`; `first` indents the first too.
Value indent(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("indent", arguments, {"width", "first", "blank"});
  MarkedText indentation(std::string(4, ' '), false);
  if (bound.get(0) != nullptr && bound.get(0)->is_string()) {
    indentation = bound.text(0);
  } else {
    const auto width = static_cast<std::size_t>(std::max<std::int64_t>(0, bound.integer_or(0, 4)));
    heap.check_size(width);
    indentation = MarkedText(std::string(width, ' '), false);
  }
  const bool blank = bound.truthy_or(2, false);
  MarkedText source = to_string(heap, value).text();
  source.append("\n", false);
  const std::vector<MarkedText> lines = split_lines(heap, source, false);
  MarkedText out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    heap.step();
    heap.scan(indentation.size());
    heap.check_size(out.footprint() + indentation.footprint() + lines[i].footprint());
    if (i > 0) out.append("\n", false);
    const bool indented = i == 0 ? bound.truthy_or(1, false) : blank || !lines[i].empty();
    if (indented) out.append(indentation);
    out.append(lines[i]);
  }
  return heap.string(std::move(out));
}

Value center(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("center", arguments, {"width"});
  const Arguments width{{Value::integer(bound.integer_or(0, 80))}, {}};
  const Value text = to_string(heap, value);
  return find_method(text, "center")->call(heap, text, width);
}

Value format(Heap& heap, const Value& value, const Arguments& arguments) {
  if (!arguments.named.empty() && !arguments.positional.empty()) {
    raise("format takes positional or keyword arguments, not both");
  }
  std::vector<Dict::Entry> named;
  for (const auto& [name, argument] : arguments.named) named.emplace_back(heap.string(name), argument);
  const Value values =
      named.empty() ? heap.sequence(arguments.positional, SequenceKind::kTuple) : heap.dict(std::move(named));
  return format_percent(heap, to_string(heap, value).text(), values);
}

Value wordcount(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("wordcount", arguments, {});
  const Value text = to_string(heap, value);
  heap.walk(text.text().size());
  std::int64_t words = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.bytes().size();) {
    const CodePoint point = code_point_at(text.bytes(), i);
    const bool word = is_alpha(point.value) || is_digit(point.value) || point.value == U'_';
    if (word && !inside) ++words;
    inside = word;
    i += point.bytes;
  }
  return Value::integer(words);
}

Value truncate(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("truncate", arguments, {"length", "killwords", "end", "leeway"});
  const MarkedText end = bound.get(2) == nullptr ? MarkedText("...", false) : bound.text(2);
  const std::int64_t length = bound.integer_or(0, 255);
  const std::int64_t leeway = bound.unless_none(3) == nullptr ? 5 : bound.integer(3);
  const auto end_length = static_cast<std::int64_t>(count_code_points(end.bytes()));
  if (length < end_length) raise("truncate: expected length >= {}, got {}", end_length, length);
  if (leeway < 0) raise("truncate: expected leeway >= 0, got {}", leeway);
  Value source = to_string(heap, value);
  if (static_cast<std::int64_t>(count_code_points(source.bytes())) - leeway <= length) return source;
  std::size_t cut = code_point_offset(source.bytes(), static_cast<std::size_t>(length - end_length));
  if (!bound.truthy_or(1, false)) {  // back to the last space
    const std::size_t space = std::string_view(source.bytes()).substr(0, cut).rfind(' ');
    if (space != std::string_view::npos) cut = space;
  }
  MarkedText out = source.text().slice(0, cut);
  out.append(end);
  return heap.string(std::move(out));
}

// There is no HTML escaping in chat templates, so nothing needs to be marked as safe from it.
Value safe(Heap& heap, const Value& value, const Arguments& arguments) { return text_of(heap, value, arguments); }

constexpr Filter kFilters[] = {{"capitalize", converted<capitalized>},
                               {"center", center},
                               {"e", escape},
                               {"escape", escape},
                               {"forceescape", escape},
                               {"format", format},
                               {"indent", indent},
                               {"lower", converted<lowered>},
                               {"replace", replace},
                               {"safe", safe},
                               {"string", text_of},
                               {"title", converted<titled_words>},
                               {"trim", trim},
                               {"truncate", truncate},
                               {"upper", converted<uppered>},
                               {"wordcount", wordcount}};

}  // namespace

const Filter* find_text_filter(std::string_view name) {
  const Filter* found =
      std::find_if(std::begin(kFilters), std::end(kFilters), [&](const Filter& f) { return f.name == name; });
  return found == std::end(kFilters) ? nullptr : found;
}

}  // namespace marlin::jinja
