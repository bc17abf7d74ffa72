// SPDX-License-Identifier: Apache-2.0
// Sets of Unicode characters, and the bytes of UTF-8 that spell them. The regex and string rules are built from them.
// Surprise: surrogates are in no set, so that no rule can spell what is not valid UTF-8.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/grammar_builder.h"

namespace marlin {

class CodePointSet {
 public:
  /// A closed range.
  struct Range {
    char32_t first;
    char32_t last;
  };

  CodePointSet() = default;
  CodePointSet(std::initializer_list<Range> ranges);

  static CodePointSet all();

  void add(Range range);
  void add(const CodePointSet& other);
  [[nodiscard]] CodePointSet complement() const;
  [[nodiscard]] CodePointSet without(const CodePointSet& other) const;
  [[nodiscard]] bool contains(char32_t c) const;
  /// Ascending, apart from each other.
  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;
};

/// One character of the set, in UTF-8.
Expr utf8_character(GrammarBuilder& builder, const CodePointSet& set);

std::string utf8_of(char32_t code_point);

/// The characters of a text. Error: kInvalidArgument, naming `what`, if it is not valid UTF-8.
std::vector<char32_t> code_points_of(std::string_view text, std::string_view what);

}  // namespace marlin
