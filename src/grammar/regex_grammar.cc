// SPDX-License-Identifier: Apache-2.0
// A recursive descent parser over the characters of the pattern that builds the expression on the way.
#include "grammar/regex_grammar.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "base/error.h"
#include "io/json.h"

namespace marlin {
namespace {

constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxBytes = 4096;

const CodePointSet& digits() {
  static const CodePointSet set{{'0', '9'}};
  return set;
}

const CodePointSet& word_characters() {
  static const CodePointSet set{{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}};
  return set;
}

const CodePointSet& line_ends() {
  static const CodePointSet set{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
  return set;
}

const CodePointSet& spaces() {
  static const CodePointSet set{{0x09, 0x0D},     {0x20, 0x20},     {0xA0, 0xA0},     {0x1680, 0x1680},
                                {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                                {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
  return set;
}

struct Part {
  Expr expr;
  bool may_be_empty;
};

using Spelling = std::function<Expr(const CodePointSet&)>;

class Parser {
 public:
  /// `spell`: one character of a set. `whole`: it must match from the beginning to the end.
  Parser(GrammarBuilder& builder, Spelling spell, bool whole, std::string_view pattern, std::string_view where)
      : builder_(builder), spell_(std::move(spell)), whole_(whole), where_(where), shown_(excerpt(pattern)) {
    if (pattern.size() > kMaxBytes)
      fail(ErrorCode::kUnsupported, "{}: a pattern has at most {} bytes", where, kMaxBytes);
    text_ = code_points_of(pattern, where);
  }

  Expr run() {
    std::vector<Expr> alternatives;
    do {
      const bool from_start = take('^') || whole_;
      const Part body = sequence(0);
      const bool to_end = take('$') || whole_;
      if (more() && peek() != '|') unsupported(peek() == ')' ? "an unmatched ')'" : "an anchor inside the pattern");
      std::vector<Expr> parts{body.expr};
      if (!from_start) parts.insert(parts.begin(), anything());
      if (!to_end) parts.push_back(anything());
      alternatives.push_back(builder_.sequence(std::move(parts)));
    } while (take('|'));
    return builder_.choice(std::move(alternatives));
  }

 private:
  [[noreturn]] void unsupported(std::string_view what) const {
    fail(ErrorCode::kUnsupported, "{}: {} is not supported ('{}', character {})", where_, what, shown_, position_ + 1);
  }
  [[noreturn]] void malformed(std::string_view what) const {
    fail(ErrorCode::kInvalidArgument, "{}: {} ('{}', character {})", where_, what, shown_, position_ + 1);
  }

  [[nodiscard]] bool more() const { return position_ < text_.size(); }
  [[nodiscard]] char32_t peek(std::size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : 0;
  }
  bool take(char32_t c) {
    if (!more() || peek() != c) return false;
    ++position_;
    return true;
  }

  Expr anything() { return builder_.repeat(spell_(CodePointSet::all()), 0, kUnbounded); }

  Part alternatives(int depth) {  // NOLINT(misc-no-recursion): kMaxDepth
    std::vector<Expr> all;
    bool may_be_empty = false;
    do {
      const Part part = sequence(depth);
      all.push_back(part.expr);
      may_be_empty = may_be_empty || part.may_be_empty;
    } while (take('|'));
    return {builder_.choice(std::move(all)), may_be_empty};
  }

  Part sequence(int depth) {  // NOLINT(misc-no-recursion)
    std::vector<Expr> parts;
    bool may_be_empty = true;
    while (more() && peek() != '|' && peek() != ')' && peek() != '^' && peek() != '$') {
      const Part part = quantified(atom(depth));
      parts.push_back(part.expr);
      may_be_empty = may_be_empty && part.may_be_empty;
    }
    return {builder_.sequence(std::move(parts)), may_be_empty};
  }

  Part atom(int depth) {  // NOLINT(misc-no-recursion)
    if (take('(')) {
      if (depth >= kMaxDepth) unsupported("deeper nesting of groups");
      if (take('?') && !take(':')) unsupported("this kind of group");
      const Part group = alternatives(depth + 1);
      if (!take(')')) {
        if (more()) unsupported("an anchor inside the pattern");
        malformed("a ')' is missing");
      }
      return group;
    }
    const char32_t c = peek();
    if (c == '*' || c == '+' || c == '?') malformed("there is nothing to repeat");
    ++position_;
    if (c == '.') return {spell_(line_ends().complement()), false};
    if (c == '[') return {character_class(), false};
    return {spell_(c == '\\' ? escape() : CodePointSet{{c, c}}), false};
  }

  Part quantified(Part part) {
    std::uint32_t min = 1;
    std::uint32_t max = 1;
    if (take('*')) {
      min = 0;
      max = kUnbounded;
    } else if (take('+')) {
      max = kUnbounded;
    } else if (take('?')) {
      min = 0;
    } else if (!counts(min, max)) {
      return part;
    }
    take('?');  // lazy
    if (peek() == '*' || peek() == '+' || peek() == '?') malformed("there is nothing to repeat");
    if (part.may_be_empty) {
      min = 0;
      if (max > 1 && max != kUnbounded) unsupported("a counted repetition of what may be empty");
    }
    return {builder_.repeat(part.expr, min, max), min == 0};
  }

  /// {m}, {m,} or {m,n}; anything else behind a '{' is text, as in ECMA-262's web form.
  bool counts(std::uint32_t& min, std::uint32_t& max) {
    const std::size_t begin = position_;
    if (!take('{')) return false;
    const std::optional<std::uint32_t> least = count();
    const bool is_open = take(',');
    const std::optional<std::uint32_t> most = is_open ? count() : least;
    if (!least || !take('}')) {
      position_ = begin;
      return false;
    }
    min = *least;
    max = most.value_or(kUnbounded);
    if (min > max) malformed("a repetition has its bounds the wrong way round");
    return true;
  }

  std::optional<std::uint32_t> count() {
    std::optional<std::uint32_t> number;
    while (peek() >= '0' && peek() <= '9') {
      number = number.value_or(0) * 10 + (text_[position_++] - U'0');
      if (*number > GrammarBuilder::kMaxRepeat) unsupported("so large a count");
    }
    return number;
  }

  Expr character_class() {
    const bool negated = take('^');
    CodePointSet set;
    while (!take(']')) {
      if (!more()) malformed("a ']' is missing");
      const CodePointSet first = class_item();
      if (peek() != '-' || peek(1) == ']' || position_ + 1 >= text_.size()) {
        set.add(first);
        continue;
      }
      ++position_;
      const CodePointSet last = class_item();
      const std::optional<char32_t> from = single(first);
      const std::optional<char32_t> to = single(last);
      if (!from || !to || *from > *to) malformed("a range has bounds that cannot be");
      set.add({*from, *to});
    }
    return spell_(negated ? set.complement() : set);
  }

  CodePointSet class_item() {
    const char32_t c = text_[position_++];
    if (c != '\\') return {{c, c}};
    return peek() == 'b' ? (++position_, CodePointSet{{'\b', '\b'}}) : escape();
  }

  static std::optional<char32_t> single(const CodePointSet& set) {
    if (set.ranges().size() != 1 || set.ranges()[0].first != set.ranges()[0].last) return std::nullopt;
    return set.ranges()[0].first;
  }

  /// Behind a backslash.
  CodePointSet escape() {
    if (!more()) malformed("it ends with a backslash");
    const char32_t c = text_[position_++];
    const auto one = [](char32_t value) { return CodePointSet{{value, value}}; };
    switch (c) {
      case 'd':
        return digits();
      case 'D':
        return digits().complement();
      case 'w':
        return word_characters();
      case 'W':
        return word_characters().complement();
      case 's':
        return spaces();
      case 'S':
        return spaces().complement();
      case 't':
        return one('\t');
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 'x':
        return one(hexadecimal(2));
      case 'u':
        return one(hexadecimal(4));
      default:
        break;
    }
    if (c >= 0x80 || (word_characters().contains(c) && c != '_')) unsupported("this escape");
    return one(c);
  }

  char32_t hexadecimal(int n_digits) {
    char32_t value = 0;
    for (int i = 0; i < n_digits; ++i) {
      const char32_t c = more() ? text_[position_++] : U'?';
      if (c >= '0' && c <= '9') {
        value = value * 16 + (c - U'0');
      } else if (const char32_t lower = c | 0x20U; lower >= 'a' && lower <= 'f') {
        value = value * 16 + (lower - U'a' + 10);
      } else {
        malformed("a hexadecimal escape is too short");
      }
    }
    if (value >= 0xD800 && value <= 0xDFFF) unsupported("half of a surrogate pair");
    return value;
  }

  GrammarBuilder& builder_;
  Spelling spell_;
  bool whole_;
  std::string_view where_;
  std::string shown_;
  std::vector<char32_t> text_;
  std::size_t position_ = 0;
};

}  // namespace

Expr pattern_characters(JsonRules& rules, std::string_view pattern, std::string_view where) {
  const auto in_json = [&](const CodePointSet& set) { return rules.character(set); };
  return Parser(rules.builder(), in_json, /*whole=*/false, pattern, where).run();
}

Expr matching_text(GrammarBuilder& builder, std::string_view pattern, PatternExtent extent, std::string_view where,
                   const CodePointSet& without) {
  const auto as_itself = [&](const CodePointSet& set) { return utf8_character(builder, set.without(without)); };
  return Parser(builder, as_itself, extent == PatternExtent::kWholeText, pattern, where).run();
}

}  // namespace marlin
