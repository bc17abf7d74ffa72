// SPDX-License-Identifier: Apache-2.0
// One pass over the pattern with a stack of open groups. Character classes that PCRE2 cannot express (nested, and-ed,
// or holding a negated escape) become alternations of plain classes behind lookaheads.
#include "text/regex_translate.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "io/json.h"
#include "text/regex_sets.h"
#include "text/utf8.h"

namespace marlin {
namespace {

constexpr int kMaxClassDepth = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Translator {
 public:
  Translator(std::string_view pattern, std::string_view where) : pattern_(pattern), where_(where) {}

  std::string run() {
    groups_.push_back({});
    while (position_ < pattern_.size()) translate_next();
    out_ += groups_.back().closers;
    return std::move(out_);
  }

 private:
  struct Group {
    std::size_t start = 0;  // of the group in out_
    std::string closers;    // what inline options inside it opened
  };

  [[noreturn]] void unsupported(std::string_view construct) const {
    fail(ErrorCode::kUnsupported, "{}: the regular expression uses {}, which is not supported: {}", where_, construct,
         excerpt(pattern_));
  }

  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return position_ + ahead < pattern_.size() ? pattern_[position_ + ahead] : '\0';
  }

  void translate_next() {
    switch (const char c = peek()) {
      case '\\':
        atom(translate_escape());
        break;
      case '[':
        atom(translate_class(0));
        break;
      case '(':
        open_group();
        break;
      case ')':
        close_group();
        break;
      case '*':
      case '+':
      case '?':
        out_.push_back(c);
        ++position_;
        break;
      case '{':
        translate_interval();
        break;
      default: {
        const std::size_t length = decode_utf8(pattern_, position_).length;
        atom(std::string(pattern_.substr(position_, length)));
        position_ += length;
      }
    }
  }

  void atom(const std::string& text) {
    last_atom_ = out_.size();
    out_ += text;
  }

  void open_group() {
    const std::string_view rest = pattern_.substr(position_);
    if (rest.substr(0, 2) == "(*") unsupported("a callout '(*'");
    if (rest.substr(0, 3) == "(?#") {
      const std::size_t end = rest.find(')');
      if (end == std::string_view::npos) unsupported("a comment without end");
      position_ += end + 1;
      return;
    }
    for (const std::string_view head : {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"}) {
      if (rest.substr(0, head.size()) == head) return push_group(head);
    }
    if (rest.substr(0, 3) == "(?<") {
      const std::size_t end = rest.find('>');
      if (end == std::string_view::npos) unsupported("a group name without end");
      return push_group(rest.substr(0, end + 1));
    }
    if (rest.substr(0, 2) == "(?") return open_options();
    push_group("(");
  }

  void push_group(std::string_view head) {
    groups_.push_back({out_.size(), {}});
    out_ += head;
    position_ += head.size();
  }

  // `(?i:...)` or `(?i)`, which reaches to the end of the enclosing group across its alternatives.
  void open_options() {
    std::string options = "(?";
    position_ += 2;
    while (peek() != ':' && peek() != ')') {
      switch (peek()) {
        case 'i':
        case '-':
          options.push_back(peek());
          break;
        case 'm':
          options.push_back('s');
          break;
        default:
          unsupported(fmt::format("the group option '{}'", excerpt(pattern_.substr(position_, 1))));
      }
      ++position_;
    }
    if (peek() == ':') {
      groups_.push_back({out_.size(), {}});
    } else {
      groups_.back().closers += ")";
    }
    out_ += options + ":";
    ++position_;
  }

  void close_group() {
    if (groups_.size() < 2) unsupported("an unmatched ')'");
    last_atom_ = groups_.back().start;
    out_ += groups_.back().closers + ")";
    groups_.pop_back();
    ++position_;
  }

  // `{n}`, `{n,}`, `{,m}`, `{n,m}`; anything else is a literal brace.
  void translate_interval() {
    std::size_t end = position_ + 1;
    const auto digits = [&] {
      const std::size_t begin = end;
      while (end < pattern_.size() && is_digit(pattern_[end])) ++end;
      return std::string(pattern_.substr(begin, end - begin));
    };
    const std::string low = digits();
    const bool ranged = end < pattern_.size() && pattern_[end] == ',';
    if (ranged) ++end;
    const std::string high = ranged ? digits() : std::string();
    if (end >= pattern_.size() || pattern_[end] != '}' || (low.empty() && high.empty())) {
      ++position_;
      return atom("\\{");
    }
    position_ = end + 1;
    const std::string interval = "{" + (low.empty() ? "0" : low) + (ranged ? "," + high : "") + "}";
    // Here a second quantifier repeats the interval, where PCRE2 would read possessive or lazy.
    const bool repeated = peek() == '+' || (peek() == '?' && !ranged);
    if (repeated) {
      out_.insert(last_atom_, "(?:");
      out_ += interval + ")";
    } else {
      out_ += interval;
    }
  }

  std::string translate_escape() {
    const char c = peek(1);
    switch (c) {
      case 'A':
      case 'z':
      case 'Z':
      case 'R':
      case 'X':
      case 'N':
        position_ += 2;
        return {'\\', c};
      case 'O':
        position_ += 2;
        return std::string(kRegexAnything);
      case 'b':
      case 'B':
        position_ += 2;
        return regex_word_boundary(c == 'B');
      case 'k':
      case 'g': {
        const std::size_t end = pattern_.find('>', position_);
        if (peek(2) != '<' || end == std::string_view::npos) unsupported(fmt::format("the escape '\\{}'", c));
        std::string reference(pattern_.substr(position_, end + 1 - position_));
        position_ = end + 1;
        return reference;
      }
      default:
        if (c >= '1' && c <= '9') {
          position_ += 2;
          return {'\\', c};
        }
    }
    RegexSet set = translate_set_escape();
    if (set.items == kRegexWordSet) set.items += kRegexLatinNumbers;
    return set.single ? set.items : set.as_class();
  }

  // An escape that stands for characters, in or out of a class.
  RegexSet translate_set_escape() {
    const char c = peek(1);
    position_ += 2;
    switch (c) {
      case 's':
      case 'S':
        return {std::string(kRegexSpaceSet), c == 'S'};
      case 'w':
      case 'W':
        return {std::string(kRegexWordSet), c == 'W'};
      case 'd':
      case 'D':
        return {R"(\p{Nd})", c == 'D'};
      case 'h':
      case 'H':
        return {std::string(kRegexHexSet), c == 'H'};
      case 'p':
      case 'P':
        return property(c == 'P');
      case 'n':
      case 'r':
      case 't':
      case 'f':
      case 'a':
      case 'e':
        return {{'\\', c}, false, true};
      case 'v':
        return {"\\x{B}", false, true};
      case 'x':
      case 'u':
        return code_point(c);
      default:
        break;
    }
    if (c == '\0' || is_alnum(c)) unsupported(fmt::format("the escape '\\{}'", c == '\0' ? ' ' : c));
    --position_;
    const std::size_t length = decode_utf8(pattern_, position_).length;
    std::string literal = length == 1 ? "\\" : "";
    literal += pattern_.substr(position_, length);
    position_ += length;
    return {literal, false, true};
  }

  // After \p or \P: {Name} or {^Name}.
  RegexSet property(bool negated) {
    const std::size_t end = pattern_.find('}', position_);
    if (peek() != '{' || end == std::string_view::npos) unsupported("\\p without a name in braces");
    std::string_view name = pattern_.substr(position_ + 1, end - position_ - 1);
    position_ = end + 1;
    if (!name.empty() && name.front() == '^') {
      negated = !negated;
      name.remove_prefix(1);
    }
    return {named_set(name), negated};
  }

  [[nodiscard]] std::string named_set(std::string_view name) const {
    std::string set = regex_property_set(name);
    if (set.empty()) unsupported(fmt::format("the property '{}'", excerpt(name)));
    return set;
  }

  // After \x or \u: \x{H...}, \xHH, \uHHHH.
  RegexSet code_point(char kind) {
    std::string_view digits;
    if (kind == 'x' && peek() == '{') {
      const std::size_t end = pattern_.find('}', position_);
      if (end == std::string_view::npos) unsupported("\\x{ without end");
      digits = pattern_.substr(position_ + 1, end - position_ - 1);
      position_ = end + 1;
    } else {
      digits = pattern_.substr(position_, kind == 'x' ? 2 : 4);
      // \xHH is a byte there and a code point here; only below 0x80 are they the same.
      if (kind == 'x' && (digits.empty() || digits[0] > '7')) unsupported("\\x of a byte above 7F");
      position_ += digits.size();
    }
    if (digits.empty() || digits.size() > 8 || !std::all_of(digits.begin(), digits.end(), [](char c) {
          return std::isxdigit(static_cast<unsigned char>(c));
        })) {
      unsupported("a malformed code point");
    }
    return {fmt::format("\\x{{{}}}", digits), false, true};
  }

  std::string translate_class(int depth) {
    if (depth > kMaxClassDepth) unsupported("deeply nested character classes");
    ++position_;
    const bool negated = peek() == '^';
    if (negated) ++position_;
    std::vector<RegexUnion> operands(1);
    for (bool first = true;; first = false) {
      if (position_ >= pattern_.size()) unsupported("a character class without end");
      RegexUnion& operand = operands.back();
      if (peek() == ']' && !first) {
        ++position_;
        break;
      }
      if (peek() == '&' && peek(1) == '&') {
        position_ += 2;
        operands.emplace_back();
      } else if (peek() == '[' && peek(1) == ':' && pattern_.find(":]", position_) != std::string_view::npos) {
        operand.add(posix_class());
      } else if (peek() == '[') {
        operand.nested.push_back(translate_class(depth + 1));
      } else {
        operand.add(class_item());
      }
    }
    return regex_class(operands, negated);
  }

  RegexSet posix_class() {
    const std::size_t end = pattern_.find(":]", position_);
    std::string_view name = pattern_.substr(position_ + 2, end - position_ - 2);
    position_ = end + 2;
    const bool negated = !name.empty() && name.front() == '^';
    if (negated) name.remove_prefix(1);
    // The one name that means more in brackets than in braces.
    if (name == "punct") return {R"(\p{P}\p{S})", negated};
    return {named_set(name), negated};
  }

  // One character, a range, or an escape that is a set.
  RegexSet class_item() {
    RegexSet low = class_atom();
    if (!low.single || peek() != '-' || peek(1) == ']' || peek(1) == '[' || position_ + 1 >= pattern_.size())
      return low;
    if (peek(1) == '&' && peek(2) == '&') return low;
    ++position_;
    const RegexSet high = class_atom();
    if (!high.single) unsupported("a range that ends in a set of characters");
    return {low.items + "-" + high.items, false};
  }

  RegexSet class_atom() {
    if (peek() == '\\' && peek(1) == 'b') {
      position_ += 2;
      return {"\\x{8}", false, true};
    }
    if (peek() == '\\') return translate_set_escape();
    const std::size_t length = decode_utf8(pattern_, position_).length;
    std::string literal(pattern_.substr(position_, length));
    position_ += length;
    if (length == 1 && !is_alnum(literal[0]) && literal[0] > ' ') literal.insert(0, "\\");
    return {literal, false, true};
  }

  std::string_view pattern_;
  std::string_view where_;
  std::size_t position_ = 0;
  std::size_t last_atom_ = 0;  // where in out_ the last quantifiable item begins
  std::string out_;
  std::vector<Group> groups_;
};

}  // namespace

std::string translate_oniguruma(std::string_view pattern, std::string_view where) {
  if (!is_valid_utf8(pattern)) fail(ErrorCode::kBadFile, "{}: the regular expression is not valid UTF-8", where);
  return Translator(pattern, where).run();
}

}  // namespace marlin
