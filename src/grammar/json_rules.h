// SPDX-License-Identifier: Apache-2.0
// The rules that all JSON texts share: strings, numbers, white space, values of any kind. The JSON schema compiler puts
// them together. Surprise: the JSON that may come out is narrower than JSON. White space is at most one space behind
// ':', and a space or a line break with up to 32 spaces behind ',' and inside brackets, so that no text can go on for
// ever without saying anything; numbers have at most 19 digits before the point, 20 behind it and 2 in the exponent.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/code_points.h"
#include "grammar/grammar_builder.h"

namespace marlin {

class JsonRules {
 public:
  /// `builder` must outlive this.
  explicit JsonRules(GrammarBuilder& builder) : builder_(builder) {}

  [[nodiscard]] GrammarBuilder& builder() { return builder_; }

  Expr any_value();
  Expr any_object();
  Expr any_array();
  Expr any_string();
  /// Without '-' unless `may_be_negative`.
  Expr number(bool may_be_negative);

  /// One character inside a string, in every spelling that JSON has; surrogates only in pairs.
  Expr any_character();
  /// One of these characters, as itself if it can be, else by its shortest escape.
  Expr character(const CodePointSet& set);
  /// Any string but these, for names. Spells what differs from them without escapes.
  Expr string_except(const std::vector<std::string>& texts);

  Expr comma();
  /// "name": and what follows.
  Expr member(Expr name, Expr value);
  /// `contents` between brackets, or nothing if it is optional.
  Expr enclosed(char open, Expr contents, bool is_optional, char close);

 private:
  Expr space();
  /// A reference to the rule kept in `slot`, which `make` defines at first use.
  template <typename Make>
  Expr shared(std::optional<Rule>& slot, const char* name, const Make& make);

  GrammarBuilder& builder_;
  std::optional<Rule> space_;
  std::optional<Rule> string_;
  std::optional<Rule> object_;
  std::optional<Rule> array_;
  std::optional<Rule> value_;
  std::optional<Rule> character_;
};

/// `value` without white space, numbers in their shortest form.
std::string compact_json(const boost::json::value& value);

}  // namespace marlin
