// SPDX-License-Identifier: Apache-2.0
// Two loops: run() walks text, comments and raw blocks; tag() walks one {{ }} or {% %}.
#include "text/jinja/lexer.h"

#include <algorithm>

#include "text/jinja/failure.h"
#include "text/jinja/string_literal.h"
#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

bool is_digit_char(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_char(char c) { return is_name_start(c) || is_digit_char(c); }

// \r\n and \r become \n, and one newline at the very end goes.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out.push_back(source[i]);
    } else if (i + 1 == source.size() || source[i + 1] != '\n') {
      out.push_back('\n');
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize_newlines(source)) {}
  std::vector<Token> run();

 private:
  [[nodiscard]] std::string_view rest() const { return std::string_view(source_).substr(at_); }
  [[nodiscard]] bool starts(std::string_view prefix) const { return rest().substr(0, prefix.size()) == prefix; }
  void advance_to(std::size_t position);
  void skip_spaces();
  void skip_newline();
  void push(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }
  void text_before(std::size_t tag, char sign, bool may_lstrip);
  void comment();
  bool raw();
  void inside_tag(TokenKind begin, TokenKind end);
  bool tag_end(TokenKind end);
  void tag_token(std::string& open);
  void number();
  void string();
  void symbol(std::string& open);

  const std::string source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool at_line_start_ = true;  // what came before at_ ended a line, trimmed newlines included
  std::vector<Token> tokens_;
};

void Lexer::advance_to(std::size_t position) {
  line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                       source_.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
  if (position > at_) at_line_start_ = source_[position - 1] == '\n';
  at_ = position;
}

void Lexer::skip_spaces() {
  std::size_t end = at_;
  while (end < source_.size()) {
    const CodePoint point = code_point_at(source_, end);
    if (!is_space(point.value)) break;
    end += point.bytes;
  }
  advance_to(end);
}

void Lexer::skip_newline() {
  if (starts("\n")) advance_to(at_ + 1);
}

// Emits the text up to the tag that begins at `tag`, stripped as the tag's sign says.
void Lexer::text_before(std::size_t tag, char sign, bool may_lstrip) {
  std::size_t end = tag;
  if (sign == '-') {
    while (end > at_) {
      const CodePoint point = code_point_before(std::string_view(source_).substr(at_), end - at_);
      if (!is_space(point.value)) break;
      end -= point.bytes;
    }
  } else if (sign != '+' && may_lstrip) {
    const std::string_view text = std::string_view(source_).substr(at_, tag - at_);
    const std::size_t newline = text.rfind('\n');
    const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    bool blank = newline != std::string_view::npos || at_line_start_;
    for (std::size_t i = line; blank && i < text.size();) {
      const CodePoint point = code_point_at(text, i);
      blank = is_space(point.value);
      i += point.bytes;
    }
    if (blank) end = at_ + line;
  }
  if (end > at_) push(TokenKind::kText, source_.substr(at_, end - at_));
  advance_to(tag);
}

std::vector<Token> Lexer::run() {
  while (true) {
    std::size_t tag = source_.find('{', at_);
    while (tag != std::string::npos &&
           (tag + 1 == source_.size() || std::string_view("{%#").find(source_[tag + 1]) == std::string_view::npos)) {
      tag = source_.find('{', tag + 1);
    }
    if (tag == std::string::npos) break;
    const char kind = source_[tag + 1];
    const char next = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    const char sign = next == '-' || next == '+' ? next : '\0';
    text_before(tag, sign, kind != '{');
    if (kind == '%' && raw()) continue;
    const std::size_t inside = at_ + (sign == '\0' ? 2 : 3);
    if (kind == '#') {
      advance_to(inside);
      comment();
    } else {
      push(kind == '{' ? TokenKind::kPrintBegin : TokenKind::kTagBegin, "");
      advance_to(inside);
      inside_tag(tokens_.back().kind, kind == '{' ? TokenKind::kPrintEnd : TokenKind::kTagEnd);
    }
  }
  if (at_ < source_.size()) push(TokenKind::kText, source_.substr(at_));
  advance_to(source_.size());
  push(TokenKind::kEnd, "");
  return std::move(tokens_);
}

void Lexer::comment() {
  const std::size_t end = source_.find("#}", at_);
  if (end == std::string::npos) raise_at(line_, "missing end of comment tag");
  const char sign = end > at_ ? source_[end - 1] : '\0';
  advance_to(end + 2);
  if (sign == '-') {
    skip_spaces();
  } else if (sign != '+') {
    skip_newline();
  }
}

// At a "{%": if it is {% raw %}, emits everything up to {% endraw %} as text.
bool Lexer::raw() {
  const auto match = [this](std::size_t from, std::string_view word) -> std::size_t {  // end of `word` in the tag, or 0
    std::size_t i = from + 2;
    if (i < source_.size() && (source_[i] == '-' || source_[i] == '+')) ++i;
    while (i < source_.size() && is_space(static_cast<unsigned char>(source_[i]))) ++i;
    if (source_.compare(i, word.size(), word) != 0) return 0;
    i += word.size();
    while (i < source_.size() && is_space(static_cast<unsigned char>(source_[i]))) ++i;
    const std::size_t sign = i < source_.size() && (source_[i] == '-' || source_[i] == '+') ? 1 : 0;
    return source_.compare(i + sign, 2, "%}") == 0 ? i + sign + 2 : 0;
  };
  const std::size_t body = match(at_, "raw");
  if (body == 0) return false;
  const int begin_line = line_;
  advance_to(body);
  if (source_[body - 3] == '-') skip_spaces();
  for (std::size_t tag = source_.find("{%", at_); tag != std::string::npos; tag = source_.find("{%", tag + 1)) {
    const std::size_t end = match(tag, "endraw");
    if (end == 0) continue;
    const char sign = source_[tag + 2];
    text_before(tag, sign, true);
    const char end_sign = source_[end - 3];
    advance_to(end);
    if (end_sign == '-') {
      skip_spaces();
    } else if (end_sign != '+') {
      skip_newline();
    }
    return true;
  }
  raise_at(begin_line, "missing end of raw directive");
}

void Lexer::inside_tag(TokenKind begin, TokenKind end) {
  const int begin_line = line_;
  std::string open;  // brackets not yet closed; inside them "}}" closes braces, not the tag
  while (true) {
    skip_spaces();
    if (at_ == source_.size()) {
      raise_at(begin_line, "unexpected end of template inside a {} tag", begin == TokenKind::kPrintBegin ? "{{" : "{%");
    }
    if (open.empty() && tag_end(end)) return;
    tag_token(open);
  }
}

bool Lexer::tag_end(TokenKind end) {
  const bool print = end == TokenKind::kPrintEnd;
  const std::string_view mark = print ? "}}" : "%}";
  const bool minus = starts("-") && rest().substr(1, 2) == mark;
  const bool plus = !print && starts("+") && rest().substr(1, 2) == mark;
  if (!minus && !plus && !starts(mark)) return false;
  push(end, "");
  advance_to(at_ + mark.size() + (minus || plus ? 1 : 0));
  if (minus) {
    skip_spaces();
  } else if (!plus && !print) {
    skip_newline();
  }
  return true;
}

void Lexer::tag_token(std::string& open) {
  const char c = source_[at_];
  if (is_digit_char(c)) {
    number();
  } else if (is_name_start(c)) {
    std::size_t end = at_;
    while (end < source_.size() && is_name_char(source_[end])) ++end;
    push(TokenKind::kName, source_.substr(at_, end - at_));
    advance_to(end);
  } else if (c == '\'' || c == '"') {
    string();
  } else {
    symbol(open);
  }
}

// Integers in any base and floats; after a dot ("a.0.1") only an integer, as there it is an index.
void Lexer::number() {
  std::size_t end = at_;
  const auto digits = [&](auto&& accepts) {
    while (end < source_.size() &&
           (accepts(source_[end]) || (source_[end] == '_' && end + 1 < source_.size() && accepts(source_[end + 1])))) {
      ++end;
    }
  };
  const auto at = [&](std::size_t i) { return i < source_.size() ? source_[i] : '\0'; };
  TokenKind kind = TokenKind::kInteger;
  const char base = at(at_ + 1);
  if (source_[at_] == '0' && std::string_view("xXoObB").find(base) != std::string_view::npos) {
    end += 2;
    digits([](char c) { return is_digit_char(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
  } else {
    digits(is_digit_char);
    const bool index = at_ > 0 && source_[at_ - 1] == '.';
    if (!index && at(end) == '.' && is_digit_char(at(end + 1))) {
      kind = TokenKind::kReal;
      ++end;
      digits(is_digit_char);
    }
    const std::size_t sign = at(end + 1) == '+' || at(end + 1) == '-' ? 1 : 0;
    if (!index && (at(end) == 'e' || at(end) == 'E') && is_digit_char(at(end + 1 + sign))) {
      kind = TokenKind::kReal;
      end += 1 + sign;
      digits(is_digit_char);
    }
  }
  std::string text = source_.substr(at_, end - at_);
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  push(kind, std::move(text));
  advance_to(end);
}

void Lexer::string() {
  const char quote = source_[at_];
  std::size_t end = at_ + 1;
  while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
  if (end >= source_.size()) raise_at(line_, "unterminated string");
  push(TokenKind::kString, unescape_string(std::string_view(source_).substr(at_ + 1, end - at_ - 1), line_));
  advance_to(end + 1);
}

void Lexer::symbol(std::string& open) {
  constexpr std::string_view kDouble[] = {"//", "**", "==", "!=", ">=", "<="};
  constexpr std::string_view kSingle = "+-/*%~[](){}><=.:|,;";
  const auto* found = std::find_if(std::begin(kDouble), std::end(kDouble), [this](auto s) { return starts(s); });
  const char c = source_[at_];
  if (found == std::end(kDouble) && kSingle.find(c) == std::string_view::npos) {
    raise_at(line_, "unexpected char '{}'", source_.substr(at_, code_point_at(source_, at_).bytes));
  }
  if (c == '(' || c == '[' || c == '{') open.push_back(c);
  if (c == ')' || c == ']' || c == '}') {
    const char opener = c == ')' ? '(' : c == ']' ? '[' : '{';
    if (open.empty() || open.back() != opener) raise_at(line_, "unexpected '{}'", c);
    open.pop_back();
  }
  std::string text = found == std::end(kDouble) ? std::string(1, c) : std::string(*found);
  const std::size_t end = at_ + text.size();
  push(TokenKind::kOperator, std::move(text));
  advance_to(end);
}

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace marlin::jinja
