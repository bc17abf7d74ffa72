// SPDX-License-Identifier: Apache-2.0
// Property names, compared without case, spaces, hyphens and underscores.
#include "text/regex_sets.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"

namespace marlin {
namespace {

/// Property names that Oniguruma knows and PCRE2 spells otherwise: the inside of a class.
constexpr std::array<std::pair<std::string_view, std::string_view>, 50> kPropertyNames = {{
    {"alnum", R"(\p{Alphabetic}\p{Nd})"},
    {"alpha", R"(\p{Alphabetic})"},
    {"ascii", R"(\x{0}-\x{7F})"},
    {"blank", R"(\x{9}\p{Zs})"},
    {"cntrl", R"(\p{Cc})"},
    {"digit", R"(\p{Nd})"},
    {"lower", R"(\p{Lowercase})"},
    {"punct", R"(\p{P})"},
    {"space", kRegexSpaceSet},
    {"upper", R"(\p{Uppercase})"},
    {"word", kRegexWordSet},
    {"xdigit", kRegexHexSet},
    {"letter", R"(\p{L})"},
    {"casedletter", R"(\p{L&})"},
    {"uppercaseletter", R"(\p{Lu})"},
    {"lowercaseletter", R"(\p{Ll})"},
    {"titlecaseletter", R"(\p{Lt})"},
    {"modifierletter", R"(\p{Lm})"},
    {"otherletter", R"(\p{Lo})"},
    {"mark", R"(\p{M})"},
    {"combiningmark", R"(\p{M})"},
    {"nonspacingmark", R"(\p{Mn})"},
    {"spacingmark", R"(\p{Mc})"},
    {"enclosingmark", R"(\p{Me})"},
    {"number", R"(\p{N})"},
    {"decimalnumber", R"(\p{Nd})"},
    {"letternumber", R"(\p{Nl})"},
    {"othernumber", R"(\p{No})"},
    {"punctuation", R"(\p{P})"},
    {"connectorpunctuation", R"(\p{Pc})"},
    {"dashpunctuation", R"(\p{Pd})"},
    {"openpunctuation", R"(\p{Ps})"},
    {"closepunctuation", R"(\p{Pe})"},
    {"initialpunctuation", R"(\p{Pi})"},
    {"finalpunctuation", R"(\p{Pf})"},
    {"otherpunctuation", R"(\p{Po})"},
    {"symbol", R"(\p{S})"},
    {"mathsymbol", R"(\p{Sm})"},
    {"currencysymbol", R"(\p{Sc})"},
    {"modifiersymbol", R"(\p{Sk})"},
    {"othersymbol", R"(\p{So})"},
    {"separator", R"(\p{Z})"},
    {"spaceseparator", R"(\p{Zs})"},
    {"lineseparator", R"(\p{Zl})"},
    {"paragraphseparator", R"(\p{Zp})"},
    {"other", R"(\p{C})"},
    {"control", R"(\p{Cc})"},
    {"format", R"(\p{Cf})"},
    {"privateuse", R"(\p{Co})"},
    {"unassigned", R"(\p{Cn})"},
}};

/// Binary properties both know. Any other name is a script; PCRE2 must be told so, else it means script extensions.
constexpr std::array<std::string_view, 18> kBinaryProperties = {"any",
                                                                "alphabetic",
                                                                "uppercase",
                                                                "lowercase",
                                                                "whitespace",
                                                                "cased",
                                                                "emoji",
                                                                "emojipresentation",
                                                                "emojimodifier",
                                                                "extendedpictographic",
                                                                "ideographic",
                                                                "unifiedideograph",
                                                                "diacritic",
                                                                "dash",
                                                                "math",
                                                                "quotationmark",
                                                                "regionalindicator",
                                                                "variationselector"};

}  // namespace

void RegexUnion::add(const RegexSet& set) {
  if (set.negated) {
    nested.push_back(set.as_class());
  } else {
    items += set.items;
  }
}

std::string RegexUnion::expression() const {
  if (plain()) return "[" + items + "]";
  if (items.empty() && nested.empty()) return "(?!)";
  std::string joined = items.empty() ? std::string() : "[" + items + "]";
  for (const std::string& part : nested) joined += (joined.empty() ? "" : "|") + part;
  return "(?:" + joined + ")";
}

std::string regex_class(const std::vector<RegexUnion>& operands, bool negated) {
  if (operands.size() == 1 && operands[0].plain()) return RegexSet{operands[0].items, negated}.as_class();
  std::string inner;
  for (std::size_t i = 1; i < operands.size(); ++i) inner += "(?=" + operands[i].expression() + ")";
  inner += operands[0].expression();
  if (negated) return fmt::format("(?:(?!{}){})", inner, kRegexAnything);
  return "(?:" + inner + ")";
}

std::string regex_property_set(std::string_view name) {
  std::string key;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      key.push_back(upper ? static_cast<char>(c - 'A' + 'a') : c);
    } else if (c != '_' && c != '-' && c != ' ') {
      return {};
    }
  }
  if (key.empty()) return {};
  const auto* known =
      std::find_if(kPropertyNames.begin(), kPropertyNames.end(), [&](const auto& entry) { return entry.first == key; });
  if (known != kPropertyNames.end()) return std::string(known->second);
  const bool category = key.size() <= 2;
  const bool binary = std::find(kBinaryProperties.begin(), kBinaryProperties.end(), key) != kBinaryProperties.end();
  return fmt::format("\\p{{{}{}}}", category || binary ? "" : "sc:", name);
}

std::string regex_word_boundary(bool negated) {
  const std::string word = fmt::format("[{}{}]", kRegexWordSet, kRegexLatinNumbers);
  const std::string begins = fmt::format("(?<!{}){}{})", word, negated ? "(?!" : "(?=", word);
  const std::string ends = fmt::format("(?<={}){}{})", word, negated ? "(?=" : "(?!", word);
  return fmt::format("(?:{}|{})", begins, ends);
}

}  // namespace marlin
