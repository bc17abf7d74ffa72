// SPDX-License-Identifier: Apache-2.0
// Regular expressions of tokenizer.json, run by PCRE2 (with JIT where the system allows it). Pre-tokenisers,
// normalisers and decoders hold a Regex and search with a RegexScan of their own. The surprise: work is budgeted,
// because both the pattern (a downloaded file) and the text (a user) may be hostile; a search that exceeds its budget
// throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct pcre2_real_code_8;
struct pcre2_real_match_context_8;
struct pcre2_real_match_data_8;

namespace marlin {

/// A compiled expression: immutable, cheap to copy, shared between threads.
class Regex {
 public:
  /// Compiles an expression in Oniguruma's syntax, as tokenizer.json has it. `where` names it in every error. Throws
  /// kUnsupported for constructs without an equivalent, for malformed and for very long patterns. Properties are those
  /// of PCRE2's Unicode (14 in 10.42): letters and marks assigned later than that are no letters and marks here.
  static Regex compile(std::string_view pattern, std::string_view where);
  /// Matches exactly the bytes of `text` (valid UTF-8, not empty).
  static Regex literal(std::string_view text, std::string_view where);

 private:
  friend class RegexScan;
  Regex(std::string_view source, std::uint32_t options, std::string_view where);

  std::shared_ptr<const pcre2_real_code_8> code_;
  std::shared_ptr<const std::string> where_;
};

struct TextRange {
  std::size_t begin;  ///< bytes
  std::size_t end;
};

/// Finds the matches of one Regex in one text after another. Not for sharing between threads; the Regex must outlive
/// it.
class RegexScan {
 public:
  explicit RegexScan(const Regex& regex);
  RegexScan(const RegexScan&) = delete;
  RegexScan& operator=(const RegexScan&) = delete;
  ~RegexScan();

  /// Starts on `subject`, which must be valid UTF-8 and outlive the search.
  void start(std::string_view subject);
  /// The next match, left to right; an empty match directly behind the previous match is passed over. Throws
  /// kUnsupported when the work over all texts so far exceeds the budget (a fixed part plus a part per byte of text).
  bool next(TextRange& match);

 private:
  bool search(std::size_t from, TextRange& match);

  const Regex& regex_;
  pcre2_real_match_data_8* data_;
  pcre2_real_match_context_8* context_;
  std::string_view subject_;
  std::size_t position_ = 0;
  std::size_t last_end_ = 0;
  bool matched_before_ = false;
  std::uint64_t budget_;
};

}  // namespace marlin
