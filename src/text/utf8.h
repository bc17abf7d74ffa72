// SPDX-License-Identifier: Apache-2.0
// UTF-8 and the few character classes that tokenisation needs. Every text of the tokenizer passes repair_utf8() once;
// behind it the code relies on valid UTF-8. The surprise: an invalid byte is never an error, it becomes U+FFFD by the
// same rule as Python's errors="replace" and Rust's from_utf8_lossy (one per maximal ill-formed part).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace marlin {

/// What stands at one position of arbitrary bytes.
struct Utf8Step {
  enum class Kind { kValid, kInvalid, kIncomplete };
  Kind kind;           ///< kIncomplete: the bytes end inside a character that is well-formed so far
  std::size_t length;  ///< bytes of the character, or of the ill-formed part that one U+FFFD replaces; never 0
};

/// Looks at `bytes[position]`; `position` must be below `bytes.size()`.
Utf8Step step_utf8(std::string_view bytes, std::size_t position);

struct CodePoint {
  char32_t value;
  std::size_t length;  ///< bytes
};

/// Decodes the character at `position` of valid UTF-8.
CodePoint decode_utf8(std::string_view valid, std::size_t position);

/// Start of the character that ends just before `end` (> 0) in valid UTF-8.
std::size_t previous_utf8(std::string_view valid, std::size_t end);

void append_utf8(std::string& out, char32_t code_point);

bool is_valid_utf8(std::string_view bytes);

/// The text with every ill-formed part replaced by U+FFFD.
std::string repair_utf8(std::string_view bytes);

/// repair_utf8 for bytes that arrive in parts: holds back an incomplete character until its rest comes.
class Utf8Repairer {
 public:
  /// Appends to `out` all that is settled now.
  void push(std::string_view bytes, std::string& out);
  /// Ends the text: an incomplete character becomes U+FFFD.
  void finish(std::string& out);

 private:
  std::string held_;
};

/// Unicode White_Space.
bool is_white_space(char32_t code_point);
/// Unicode `\w`: letters, marks, decimal and letter numbers, connector punctuation, enclosed letters.
bool is_word_character(char32_t code_point);
/// General category N.
bool is_number(char32_t code_point);
/// General category P, and ASCII symbols.
bool is_punctuation(char32_t code_point);

}  // namespace marlin
