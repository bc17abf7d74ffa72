// SPDX-License-Identifier: Apache-2.0
// See json_rules.h.
#include "grammar/json_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

namespace marlin {
namespace {

namespace json = boost::json;

constexpr std::uint32_t kMaxIndentation = 32;

ByteSet any_of(std::string_view bytes) {
  ByteSet set;
  for (const char c : bytes) set.set(static_cast<unsigned char>(c));
  return set;
}

const CodePointSet& must_be_escaped() {
  static const CodePointSet set{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
  return set;
}

std::string escape_of(char32_t c) {
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNames = "\"\\bfnrt";
  const std::size_t named = kNamed.find(static_cast<char>(c));
  if (named != std::string_view::npos) return {'\\', kNames[named]};
  return fmt::format("\\u{:04x}", static_cast<unsigned>(c));
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (const auto byte = static_cast<unsigned char>(c); byte < 0x80 && must_be_escaped().contains(byte)) {
      out += escape_of(byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_json(std::string& out, const json::value& value) {  // NOLINT(misc-no-recursion): the compiler bounds depth
  const char* separator = "";
  if (const auto* object = value.if_object()) {
    out += '{';
    for (const auto& member : *object) {
      out += std::exchange(separator, ",");
      append_string(out, {member.key().data(), member.key().size()});
      out += ':';
      append_json(out, member.value());
    }
    out += '}';
  } else if (const auto* array = value.if_array()) {
    out += '[';
    for (const json::value& element : *array) {
      out += std::exchange(separator, ",");
      append_json(out, element);
    }
    out += ']';
  } else if (const auto* text = value.if_string()) {
    append_string(out, {text->data(), text->size()});
  } else if (const auto* number = value.if_double()) {
    out += fmt::format("{}", *number);
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

template <typename Make>
Expr JsonRules::shared(std::optional<Rule>& slot, const char* name, const Make& make) {
  if (!slot) {
    slot = builder_.declare(name);
    builder_.define(*slot, make());
  }
  return builder_.reference(*slot);
}

Expr JsonRules::any_value() {
  return shared(value_, "a JSON value", [&] {
    return builder_.choice({any_string(), number(true), any_object(), any_array(), builder_.literal("true"),
                            builder_.literal("false"), builder_.literal("null")});
  });
}

Expr JsonRules::any_object() {
  return shared(object_, "a JSON object", [&] {
    const Expr first = member(any_string(), any_value());
    const Expr more = builder_.sequence({comma(), member(any_string(), any_value())});
    return enclosed('{', builder_.sequence({first, builder_.repeat(more, 0, kUnbounded)}), true, '}');
  });
}

Expr JsonRules::any_array() {
  return shared(array_, "a JSON array", [&] {
    const Expr more = builder_.sequence({comma(), any_value()});
    return enclosed('[', builder_.sequence({any_value(), builder_.repeat(more, 0, kUnbounded)}), true, ']');
  });
}

Expr JsonRules::any_string() {
  return shared(string_, "a JSON string", [&] {
    return builder_.sequence(
        {builder_.literal("\""), builder_.repeat(any_character(), 0, kUnbounded), builder_.literal("\"")});
  });
}

Expr JsonRules::number(bool may_be_negative) {
  const Expr digit = builder_.bytes(any_of("0123456789"));
  const Expr whole = builder_.choice(
      {builder_.literal("0"), builder_.sequence({builder_.bytes(any_of("123456789")), builder_.repeat(digit, 0, 18)})});
  const Expr fraction = builder_.sequence({builder_.literal("."), builder_.repeat(digit, 1, 20)});
  const Expr exponent = builder_.sequence(
      {builder_.bytes(any_of("eE")), builder_.optional(builder_.bytes(any_of("+-"))), digit, builder_.optional(digit)});
  const Expr sign = may_be_negative ? builder_.optional(builder_.literal("-")) : builder_.literal("");
  return builder_.sequence({sign, whole, builder_.optional(fraction), builder_.optional(exponent)});
}

// Inside strings is where most of a text is written, so the plain characters are steps of the string's own rule: the
// masks of tokens are then found without looking at stacks.
Expr JsonRules::any_character() {
  const Expr escape = shared(character_, "an escaped character", [&] {
    const Expr hex = builder_.bytes(any_of("0123456789abcdefABCDEF"));
    const Expr d = builder_.bytes(any_of("dD"));
    const Expr not_d = builder_.bytes(any_of("0123456789abcefABCEF"));
    const Expr not_surrogate = builder_.choice({builder_.sequence({not_d, hex, hex, hex}),
                                                builder_.sequence({d, builder_.bytes(any_of("01234567")), hex, hex})});
    const Expr pair = builder_.sequence({d, builder_.bytes(any_of("89abAB")), hex, hex, builder_.literal("\\u"), d,
                                         builder_.bytes(any_of("cdefCDEF")), hex, hex});
    return builder_.choice({builder_.bytes(any_of("\"\\/bfnrt")),
                            builder_.sequence({builder_.literal("u"), builder_.choice({not_surrogate, pair})})});
  });
  return builder_.choice(
      {utf8_character(builder_, must_be_escaped().complement()), builder_.sequence({builder_.literal("\\"), escape})});
}

Expr JsonRules::character(const CodePointSet& set) {
  std::vector<std::string> escapes;
  for (const CodePointSet::Range& range : must_be_escaped().ranges()) {
    for (char32_t c = range.first; c <= range.last; ++c) {
      if (set.contains(c)) escapes.push_back(escape_of(c));
    }
  }
  const Expr plain = utf8_character(builder_, set.without(must_be_escaped()));
  return escapes.empty() ? plain : builder_.choice({plain, builder_.choice_of_literals(std::move(escapes))});
}

Expr JsonRules::string_except(const std::vector<std::string>& texts) {
  struct Group {  // texts [begin, end) agree before `offset`
    Rule rule;
    std::size_t begin;
    std::size_t end;
    std::size_t offset;
  };
  std::vector<std::vector<char32_t>> words;
  words.reserve(texts.size());
  for (const std::string& text : texts) words.push_back(code_points_of(text, "the name of a property"));
  std::sort(words.begin(), words.end());
  const Rule root = builder_.declare("another name");
  const Expr rest = builder_.sequence({builder_.repeat(any_character(), 0, kUnbounded), builder_.literal("\"")});
  std::deque<Group> groups{{root, 0, words.size(), 0}};
  for (; !groups.empty(); groups.pop_front()) {
    const Group group = groups.front();
    std::vector<Expr> alternatives;
    CodePointSet taken{{0, 0x1F}};
    std::size_t begin = group.begin;
    if (begin < group.end && words[begin].size() == group.offset) {
      ++begin;
    } else {
      alternatives.push_back(builder_.literal("\""));
    }
    while (begin < group.end) {
      const char32_t c = words[begin][group.offset];
      std::size_t end = begin + 1;
      while (end < group.end && words[end][group.offset] == c) ++end;
      groups.push_back({builder_.declare("another name"), begin, end, group.offset + 1});
      alternatives.push_back(builder_.sequence({character({{c, c}}), builder_.reference(groups.back().rule)}));
      taken.add({c, c});
      begin = end;
    }
    alternatives.push_back(builder_.sequence({character(taken.complement()), rest}));
    builder_.define(group.rule, builder_.choice(std::move(alternatives)));
  }
  return builder_.sequence({builder_.literal("\""), builder_.reference(root)});
}

Expr JsonRules::space() {
  return shared(space_, "white space", [&] {
    const Expr indentation = builder_.repeat(builder_.literal(" "), 0, kMaxIndentation);
    return builder_.optional(
        builder_.choice({builder_.literal(" "), builder_.sequence({builder_.literal("\n"), indentation})}));
  });
}

Expr JsonRules::comma() { return builder_.sequence({builder_.literal(","), space()}); }

Expr JsonRules::member(Expr name, Expr value) {
  return builder_.sequence({name, builder_.literal(":"), builder_.optional(builder_.literal(" ")), value});
}

Expr JsonRules::enclosed(char open, Expr contents, bool is_optional, char close) {
  const Expr inside = builder_.sequence({contents, space()});
  return builder_.sequence({builder_.literal({&open, 1}), space(), is_optional ? builder_.optional(inside) : inside,
                            builder_.literal({&close, 1})});
}

std::string compact_json(const json::value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace marlin
