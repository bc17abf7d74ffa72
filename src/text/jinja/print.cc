// SPDX-License-Identifier: Apache-2.0
// One Printer appends to one text and checks its size as it grows: shared parts can make a repr exponentially large.
#include "text/jinja/print.h"

#include <cmath>

#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

class Printer {
 public:
  explicit Printer(Heap& heap) : heap_(heap) {}

  void repr(const Value& value);
  MarkedText take() { return std::move(out_); }

 private:
  void put(std::string_view bytes) { out_.append(bytes, false); }
  void quoted(const MarkedText& text);
  void sequence(const Sequence& sequence);
  void items(const std::vector<Value>& items);
  void dict(const Dict& dict);

  Heap& heap_;
  MarkedText out_;
};

std::string escape(CodePoint point, char quote) {
  switch (point.value) {
    case U'\n':
      return "\\n";
    case U'\r':
      return "\\r";
    case U'\t':
      return "\\t";
    case U'\\':
      return "\\\\";
    default:
      break;
  }
  if (point.value == static_cast<char32_t>(quote)) return {'\\', quote};
  const auto number = static_cast<std::uint32_t>(point.value);
  if (number < 0x100) return fmt::format("\\x{:02x}", number);
  return number < 0x10000 ? fmt::format("\\u{:04x}", number) : fmt::format("\\U{:08x}", number);
}

void Printer::quoted(const MarkedText& text) {
  heap_.walk(text.size());
  const std::string& bytes = text.bytes();
  const bool apostrophe = bytes.find('\'') != std::string::npos;
  const char quote = apostrophe && bytes.find('"') == std::string::npos ? '"' : '\'';
  put({&quote, 1});
  std::size_t plain = 0;  // start of what needs no escape and is not yet copied
  for (std::size_t i = 0; i < bytes.size();) {
    const CodePoint point = code_point_at(bytes, i);
    const bool special = point.value == static_cast<char32_t>(quote) || point.value == U'\\';
    if (special || !is_printable(point.value)) {
      out_.append(text, plain, i);
      out_.append(escape(point, quote), text.from_input_at(i));
      plain = i + point.bytes;
    }
    i += point.bytes;
  }
  out_.append(text, plain, bytes.size());
  put({&quote, 1});
}

void Printer::items(const std::vector<Value>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) put(", ");
    repr(items[i]);
  }
}

void Printer::sequence(const Sequence& sequence) {
  switch (sequence.kind) {
    case SequenceKind::kGenerator:
      put("<generator object>");
      return;
    case SequenceKind::kTuple:
      put("(");
      items(sequence.items);
      put(sequence.items.size() == 1 ? ",)" : ")");
      return;
    case SequenceKind::kItems:
    case SequenceKind::kKeys:
    case SequenceKind::kValues: {
      constexpr std::string_view kNames[] = {"dict_items", "dict_keys", "dict_values"};
      put(kNames[static_cast<int>(sequence.kind) - static_cast<int>(SequenceKind::kItems)]);
      put("([");
      items(sequence.items);
      put("])");
      return;
    }
    case SequenceKind::kList:
    case SequenceKind::kRange:  // printed as a list: how it came about is not kept
      put("[");
      items(sequence.items);
      put("]");
  }
}

void Printer::dict(const Dict& dict) {
  put("{");
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!first) put(", ");
    first = false;
    repr(key);
    put(": ");
    repr(value);
  }
  put("}");
}

void Printer::repr(const Value& value) {
  heap_.step();
  heap_.check_size(out_.size());
  if (value.is_string()) {
    quoted(value.text());
  } else if (value.is_sequence()) {
    sequence(value.sequence());
  } else if (value.is_dict()) {
    dict(value.dict());
  } else if (value.is_bool()) {
    put(value.truthy() ? "True" : "False");
  } else if (value.is_integer()) {
    put(fmt::format("{}", value.as_integer()));
  } else if (value.is_real()) {
    put(real_repr(value.as_real()));
  } else if (value.is_none()) {
    put("None");
  } else if (value.is_undefined()) {
    put("Undefined");
  } else if (value.get<NamespaceRef>() != nullptr) {
    put("<Namespace>");
  } else if (value.get<LoopRef>() != nullptr) {
    const Loop& loop = **value.get<LoopRef>();
    put(fmt::format("<LoopContext {}/{}>", loop.index0 + 1, loop.items->items.size()));
  } else {
    put(fmt::format("<{} '{}'>", value.type_name(), (*value.get<CallableRef>())->name));
  }
}

}  // namespace

MarkedText to_repr(Heap& heap, const Value& value) {
  Printer printer(heap);
  printer.repr(value);
  return printer.take();
}

MarkedText to_text(Heap& heap, const Value& value) {
  if (value.is_string()) return value.text();
  if (value.is_undefined()) return {};
  return to_repr(heap, value);
}

Value to_string(Heap& heap, const Value& value) {
  return value.is_string() ? value : heap.string(to_text(heap, value));
}

std::string real_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string digits = fmt::format("{}", value);
  if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
  return digits;
}

std::string excerpt(const Value& value) {
  constexpr std::size_t kMaxCharacters = 80;
  if (!value.is_string()) {
    if (value.is_integer()) return fmt::format("{}", value.as_integer());
    return fmt::format("<{}>", value.type_name());
  }
  const std::string& bytes = value.bytes();
  const std::size_t end = code_point_offset(bytes, kMaxCharacters);
  return end == bytes.size() ? bytes : bytes.substr(0, end) + "...";
}

}  // namespace marlin::jinja
