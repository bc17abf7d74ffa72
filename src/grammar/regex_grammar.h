// SPDX-License-Identifier: Apache-2.0
// Regular expressions as rules: the "pattern" of a JSON schema, over the characters of a JSON string, and texts that
// match as they are. Surprise: as JSON Schema has it, the expression may match anywhere inside the value unless ^ and $
// tie it down.
//
// Of ECMA-262 it knows: characters, '.', classes with ranges and negation, \d \w \s \D \W \S, \t \n \r \f \v \xHH
// \uHHHH and escaped punctuation, (groups) and (?:groups), |, the quantifiers * + ? {m} {m,} {m,n} (a '?' behind one
// changes nothing), ^ at the beginning and $ at the end of the expression or of one of its outermost alternatives.
#pragma once

#include <string_view>

#include "grammar/code_points.h"
#include "grammar/json_rules.h"

namespace marlin {

/// `where` names the pattern in errors. A character that needs no escape in JSON is spelled without one. Errors:
/// kInvalidArgument for a malformed pattern; kUnsupported for one beyond the subset, longer than 4096 bytes, with
/// groups nested deeper than 32, or that counts repetitions of what may be empty.
Expr pattern_characters(JsonRules& rules, std::string_view pattern, std::string_view where);

enum class PatternExtent {
  kWholeText,  ///< ^ and $ are allowed and change nothing
  kAnywhere,   ///< as in a JSON schema
};

/// A text in UTF-8 that matches, spelled as it is. It has none of the characters `without`. Errors as above.
Expr matching_text(GrammarBuilder& builder, std::string_view pattern, PatternExtent extent, std::string_view where,
                   const CodePointSet& without = {});

}  // namespace marlin
