// SPDX-License-Identifier: Apache-2.0
// Sets of characters as Oniguruma defines them, spelled for PCRE2: each is the inside of a class, to be put in
// brackets. Used by translate_oniguruma only. PCRE2's own \s and \w differ (U+180E; marks, numbers), hence the lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace marlin {

inline constexpr std::string_view kRegexSpaceSet =
    R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
inline constexpr std::string_view kRegexWordSet =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189})";
/// Superscripts and fractions of Latin-1, which \w and \b count as well, but not \w inside a class.
inline constexpr std::string_view kRegexLatinNumbers = R"(\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";
inline constexpr std::string_view kRegexHexSet = "0-9A-Fa-f";

/// Any character at all, as an expression.
inline constexpr std::string_view kRegexAnything = "(?s:.)";

/// A set of characters: the inside of a class, or its complement; or one character.
struct RegexSet {
  std::string items;
  bool negated = false;
  bool single = false;  ///< one character: may begin or end a range

  [[nodiscard]] std::string as_class() const { return (negated ? "[^" : "[") + items + "]"; }
};

/// What stands side by side in one class: plain items, and sets that need an expression of their own.
struct RegexUnion {
  std::string items;
  std::vector<std::string> nested;

  void add(const RegexSet& set);
  [[nodiscard]] bool plain() const { return nested.empty() && !items.empty(); }
  [[nodiscard]] std::string expression() const;
};

/// One character that is in all of `operands` (at least one), or in not all of them when `negated`, as an expression.
std::string regex_class(const std::vector<RegexUnion>& operands, bool negated);

/// The set of `\p{name}`; empty if `name` cannot be one. Names it does not know are left to PCRE2, as scripts.
std::string regex_property_set(std::string_view name);

/// `\b`, or `\B` when `negated`, as an expression.
std::string regex_word_boundary(bool negated);

}  // namespace marlin
