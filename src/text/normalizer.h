// SPDX-License-Identifier: Apache-2.0
// The `normalizer` of tokenizer.json: rewrites the text before anything else sees it. Called by Tokenizer for each
// stretch of text between added tokens. The surprise: it carries along which bytes came from a user, so that no
// rewriting can turn what a user typed into an added token.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "text/regex.h"
#include "text/tokenizer_json.h"

namespace marlin {

/// Valid UTF-8, and for each byte whether it derives from user input ('\1') or not ('\0'); `marks` is empty when none
/// does.
struct MarkedText {
  std::string text;
  std::string marks;

  /// The bytes [begin, end) with their marks.
  [[nodiscard]] MarkedText slice(std::size_t begin, std::size_t end) const;
  [[nodiscard]] bool has_input() const { return marks.find('\1') != std::string::npos; }
};

/// Immutable; apply() may be called from any thread.
class Normalizer {
 public:
  /// Does nothing.
  Normalizer() = default;
  /// Supports NFC, NFD, NFKC, NFKD, Lowercase, Replace, Prepend, Strip and Sequence.
  static Normalizer from_json(const JsonPlace& place);

  void apply(MarkedText& text) const;
  [[nodiscard]] bool empty() const { return steps_.empty(); }

 private:
  struct UnicodeForm {
    bool compose;
    bool compatible;
  };
  struct Lowercase {};
  struct Replace {
    Regex pattern;
    std::string content;
  };
  struct Prepend {
    std::string prefix;
  };
  struct Strip {
    bool left;
    bool right;
  };
  struct Step {
    std::variant<UnicodeForm, Lowercase, Replace, Prepend, Strip> action;
    std::string where;
  };

  void add(const JsonPlace& place, int depth);
  static void run(const UnicodeForm& form, const std::string& where, std::size_t original, MarkedText& text);
  static void run(const Lowercase& lowercase, const std::string& where, std::size_t original, MarkedText& text);
  static void run(const Replace& replace, const std::string& where, std::size_t original, MarkedText& text);
  static void run(const Prepend& prepend, const std::string& where, std::size_t original, MarkedText& text);
  static void run(const Strip& strip, const std::string& where, std::size_t original, MarkedText& text);

  std::vector<Step> steps_;
};

}  // namespace marlin
