// SPDX-License-Identifier: Apache-2.0
// The `pre_tokenizer` of tokenizer.json: cuts a text into the words that BPE works on one by one. Called by Tokenizer
// for each stretch of text between added tokens. A file's pre-tokenisers are taken apart into a few primitive steps;
// ByteLevel, for one, is "prepend a space, split by the GPT-2 expression, map bytes".
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "text/regex.h"
#include "text/tokenizer_json.h"

namespace marlin {

/// A text and the words cut out of it: ascending, disjoint, never empty; what lies between them is dropped.
struct WordList {
  std::string text;
  std::vector<TextRange> words;

  [[nodiscard]] std::string_view word(const TextRange& range) const {
    return std::string_view(text).substr(range.begin, range.end - range.begin);
  }
};

/// What happens to the matches of a Split, by HuggingFace's names.
enum class SplitBehavior : std::uint8_t { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// Immutable; split() may be called from any thread.
class PreTokenizer {
 public:
  /// Leaves the text whole.
  PreTokenizer() = default;
  /// Supports Split, ByteLevel, Digits, Punctuation, Whitespace, WhitespaceSplit, CharDelimiterSplit, Metaspace,
  /// Sequence.
  static PreTokenizer from_json(const JsonPlace& place);

  /// Words of `text` (valid UTF-8). `begins_input`: the text stands at the very start of what is encoded.
  [[nodiscard]] WordList split(std::string text, bool begins_input) const;

 private:
  using CharacterClass = bool (*)(char32_t);
  enum class PrependWhen : std::uint8_t { kAlways, kFirst };

  struct Prepend {
    std::string prefix;
    PrependWhen when;
  };
  struct SplitRegex {
    Regex pattern;
    SplitBehavior behavior;
    bool invert;
  };
  struct SplitClass {
    CharacterClass matches;
    SplitBehavior behavior;
  };
  struct ReplaceSpaces {
    std::string replacement;
  };
  struct MapBytes {};
  struct Step {
    std::variant<Prepend, SplitRegex, SplitClass, ReplaceSpaces, MapBytes> action;
    std::string where;
  };

  void add(const JsonPlace& place, int depth);
  void add_split(const JsonPlace& place);
  void add_byte_level(const JsonPlace& place);
  void add_metaspace(const JsonPlace& place);
  template <typename Action>
  void add_step(Action action, const JsonPlace& place);

  static void run(const Prepend& prepend, bool begins_input, WordList& list);
  static void run(const SplitRegex& split, bool begins_input, WordList& list);
  static void run(const SplitClass& split, bool begins_input, WordList& list);
  static void run(const ReplaceSpaces& replace, bool begins_input, WordList& list);
  static void run(const MapBytes& map, bool begins_input, WordList& list);

  std::vector<Step> steps_;
};

}  // namespace marlin
