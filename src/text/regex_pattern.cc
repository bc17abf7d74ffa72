// SPDX-License-Identifier: Apache-2.0
// Patterns of tokenizer.json.
#include "text/regex_pattern.h"

#include "text/tokenizer_limits.h"

namespace marlin {

Regex regex_from_pattern(const JsonPlace& pattern) {
  pattern.allow_keys({"String", "Regex"});
  if (const auto literal = pattern.find("String")) return Regex::literal(literal->text(), literal->where());
  const JsonPlace expression = pattern.at("Regex");
  return Regex::compile(expression.text(), expression.where());
}

std::string replace_matches(const Regex& regex, std::string_view text, std::string_view content, std::size_t original,
                            std::string_view where) {
  RegexScan scan(regex);
  std::string out;
  append_replaced(scan, text, content, original, where, out);
  return out;
}

void append_replaced(RegexScan& scan, std::string_view text, std::string_view content, std::size_t original,
                     std::string_view where, std::string& out) {
  std::size_t copied = 0;
  scan.start(text);
  for (TextRange match{}; scan.next(match);) {
    out.append(text.substr(copied, match.begin - copied)).append(content);
    copied = match.end;
    check_growth(out.size(), original, where);
  }
  out.append(text.substr(copied));
}

}  // namespace marlin
