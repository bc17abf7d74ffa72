// SPDX-License-Identifier: Apache-2.0
// Python's json module, as far as templates can see it: key order kept, floats by repr, NaN and Infinity allowed.
#include "text/jinja/json_text.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "text/jinja/compare.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

bool is_plain_role(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

class Reader {
 public:
  Reader(Heap& heap, bool from_input) : heap_(heap), from_input_(from_input) {}

  Value read(const boost::json::value& json, std::size_t depth) {
    heap_.check_depth(depth);
    switch (json.kind()) {
      case boost::json::kind::null:
        return {};
      case boost::json::kind::bool_:
        return Value::boolean(json.get_bool());
      case boost::json::kind::int64:
        return Value::integer(json.get_int64());
      case boost::json::kind::uint64:
        if (json.get_uint64() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
          return Value::real(static_cast<double>(json.get_uint64()));
        }
        return Value::integer(static_cast<std::int64_t>(json.get_uint64()));
      case boost::json::kind::double_:
        return Value::real(json.get_double());
      case boost::json::kind::string:
        return heap_.string(std::string(json.get_string()), from_input_);
      case boost::json::kind::array:
        return array(json.get_array(), depth);
      case boost::json::kind::object:
        break;
    }
    return object(json.get_object(), depth);
  }

 private:
  Value array(const boost::json::array& array, std::size_t depth) {
    std::vector<Value> items;
    items.reserve(array.size());
    for (const boost::json::value& item : array) items.push_back(read(item, depth + 1));
    return heap_.sequence(std::move(items));
  }

  Value object(const boost::json::object& object, std::size_t depth) {
    std::vector<Dict::Entry> entries;
    entries.reserve(object.size());
    for (const auto& [key, member] : object) {
      const bool plain = key == "role" && member.is_string() && is_plain_role(member.get_string());
      Value value = plain ? heap_.string(std::string(member.get_string())) : read(member, depth + 1);
      entries.emplace_back(heap_.string(std::string(key), from_input_), std::move(value));
    }
    return heap_.dict(std::move(entries));
  }

  Heap& heap_;
  bool from_input_;
};

class Writer {
 public:
  Writer(Heap& heap, const JsonStyle& style) : heap_(heap), style_(style) {}

  void write(const Value& value, std::size_t depth);
  MarkedText take() { return std::move(out_); }

 private:
  void put(std::string_view bytes) { out_.append(bytes, false); }
  void quoted(const MarkedText& text);
  void list(const std::vector<Value>& items, std::size_t depth);
  void dict(const Dict& dict, std::size_t depth);
  void key(const Value& key);
  void scalar(const Value& value);
  void break_line(std::size_t depth);

  Heap& heap_;
  const JsonStyle& style_;
  MarkedText out_;
};

std::string json_escape(char32_t value) {
  switch (value) {
    case U'"':
      return "\\\"";
    case U'\\':
      return "\\\\";
    case U'\n':
      return "\\n";
    case U'\r':
      return "\\r";
    case U'\t':
      return "\\t";
    case U'\b':
      return "\\b";
    case U'\f':
      return "\\f";
    default:
      break;
  }
  const auto number = static_cast<std::uint32_t>(value);
  if (number < 0x10000) return fmt::format("\\u{:04x}", number);
  const std::uint32_t offset = number - 0x10000;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (offset >> 10), 0xDC00 + (offset & 0x3FF));
}

void Writer::quoted(const MarkedText& text) {
  heap_.walk(text.size());
  const std::string& bytes = text.bytes();
  put("\"");
  std::size_t plain = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const CodePoint point = code_point_at(bytes, i);
    const bool special = point.value == U'"' || point.value == U'\\' || point.value < 0x20;
    if (special || (style_.ensure_ascii && point.value > 0x7F)) {
      out_.append(text, plain, i);
      out_.append(json_escape(point.value), text.from_input_at(i));
      plain = i + point.bytes;
    }
    i += point.bytes;
  }
  out_.append(text, plain, bytes.size());
  put("\"");
}

void Writer::break_line(std::size_t depth) {
  if (!style_.indented) return;
  heap_.check_size(out_.size() + depth * style_.indent.size());
  put("\n");
  for (std::size_t i = 0; i < depth; ++i) put(style_.indent);
}

void Writer::list(const std::vector<Value>& items, std::size_t depth) {
  put("[");
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) put(style_.item_separator);
    break_line(depth + 1);
    write(items[i], depth + 1);
  }
  if (!items.empty()) break_line(depth);
  put("]");
}

void Writer::key(const Value& key) {
  if (key.is_string()) {
    quoted(key.text());
  } else if (key.is_number() || key.is_none()) {
    put("\"");
    scalar(key);
    put("\"");
  } else {
    raise("keys must be str, int, float, bool or None, not {}", key.type_name());
  }
}

void Writer::dict(const Dict& dict, std::size_t depth) {
  std::vector<const Dict::Entry*> entries;
  entries.reserve(dict.size());
  for (const Dict::Entry& entry : dict.entries()) entries.push_back(&entry);
  if (style_.sort_keys) {
    std::stable_sort(entries.begin(), entries.end(),
                     [&](const auto* a, const auto* b) { return compare(heap_, a->first, b->first, "<") < 0; });
  }
  put("{");
  bool first = true;
  for (const Dict::Entry* entry : entries) {
    if (!first) put(style_.item_separator);
    first = false;
    break_line(depth + 1);
    key(entry->first);
    put(style_.key_separator);
    write(entry->second, depth + 1);
  }
  if (!entries.empty()) break_line(depth);
  put("}");
}

void Writer::scalar(const Value& value) {
  if (value.is_none()) {
    put("null");
  } else if (value.is_bool()) {
    put(value.truthy() ? "true" : "false");
  } else if (value.is_integer()) {
    put(fmt::format("{}", value.as_integer()));
  } else if (std::isnan(value.as_real())) {
    put("NaN");
  } else if (std::isinf(value.as_real())) {
    put(value.as_real() < 0 ? "-Infinity" : "Infinity");
  } else {
    put(real_repr(value.as_real()));
  }
}

void Writer::write(const Value& value, std::size_t depth) {
  heap_.step();
  heap_.check_size(out_.size());
  if (value.is_string()) {
    quoted(value.text());
  } else if (value.is_dict()) {
    dict(value.dict(), depth);
  } else if (value.is_none() || value.is_number()) {
    scalar(value);
  } else if (value.is_sequence() &&
             (value.sequence().kind == SequenceKind::kList || value.sequence().kind == SequenceKind::kTuple)) {
    list(value.sequence().items, depth);
  } else {
    raise("Object of type {} is not JSON serializable", value.type_name());
  }
}

}  // namespace

Value from_json(Heap& heap, const boost::json::value& json, bool from_input) {
  return Reader(heap, from_input).read(json, 0);
}

MarkedText to_json(Heap& heap, const Value& value, const JsonStyle& style) {
  Writer writer(heap, style);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace marlin::jinja
