// SPDX-License-Identifier: Apache-2.0
// Pre-tokenisation as HuggingFace tokenizers does it: find all matches in a word, then cut according to the behaviour.
#include "text/pre_tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "text/bpe_alphabet.h"
#include "text/regex_pattern.h"
#include "text/tokenizer_limits.h"
#include "text/utf8.h"

namespace marlin {
namespace {

// What ByteLevel splits by when use_regex is set: the expression of GPT-2.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// What Whitespace keeps. In a class \w has no joiners, which count as word characters here.
constexpr std::string_view kWordPattern = R"([\w\x{200C}\x{200D}]+|[^\w\x{200C}\x{200D}\s]+)";

/// A stretch of a word: a match, or what lies between two.
struct Stretch {
  TextRange range;
  bool match;
};

SplitBehavior parse_behavior(const JsonPlace& place) {
  const std::string_view name = place.text();
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  place.unsupported();
}

/// Whether `current` joins the stretch before it (behind it, for kMergedWithNext, which runs backwards).
bool joins(SplitBehavior behavior, bool current, bool previous) {
  if (behavior == SplitBehavior::kContiguous) return current == previous;
  return current && !previous;
}

void append_word(TextRange range, std::vector<TextRange>& words) {
  if (range.begin < range.end) words.push_back(range);
}

/// Cuts one word, given as stretches that cover it, and appends the parts to `words`.
void cut(const std::vector<Stretch>& stretches, SplitBehavior behavior, std::vector<TextRange>& words) {
  if (behavior == SplitBehavior::kRemoved || behavior == SplitBehavior::kIsolated) {
    for (const Stretch& stretch : stretches) {
      if (behavior == SplitBehavior::kIsolated || !stretch.match) append_word(stretch.range, words);
    }
    return;
  }
  const bool backwards = behavior == SplitBehavior::kMergedWithNext;
  std::vector<TextRange> merged;
  bool previous = false;
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    const Stretch& stretch = backwards ? stretches[stretches.size() - 1 - i] : stretches[i];
    if (merged.empty() || !joins(behavior, stretch.match, previous)) {
      merged.push_back(stretch.range);
    } else if (backwards) {
      merged.back().begin = stretch.range.begin;
    } else {
      merged.back().end = stretch.range.end;
    }
    previous = stretch.match;
  }
  if (backwards) std::reverse(merged.begin(), merged.end());
  for (const TextRange& range : merged) append_word(range, words);
}

/// Builds the list that results when every word is rewritten.
class Rewriter {
 public:
  explicit Rewriter(const WordList& source) {
    out_.text.reserve(source.text.size());
    out_.words.reserve(source.words.size());
  }
  std::string& text() { return out_.text; }
  void end_word() {
    append_word({begin_, out_.text.size()}, out_.words);
    begin_ = out_.text.size();
  }
  WordList take() { return std::move(out_); }

 private:
  WordList out_;
  std::size_t begin_ = 0;
};

}  // namespace

PreTokenizer PreTokenizer::from_json(const JsonPlace& place) {
  PreTokenizer pre_tokenizer;
  pre_tokenizer.add(place, 0);
  return pre_tokenizer;
}

template <typename Action>
void PreTokenizer::add_step(Action action, const JsonPlace& place) {
  if (steps_.size() >= kMaxPipelineSteps) fail(ErrorCode::kUnsupported, "{}: too many pre_tokenizers", place.where());
  steps_.push_back({std::move(action), place.where()});
}

void PreTokenizer::add(const JsonPlace& place, int depth) {
  const std::string_view type = place.text("type");
  if (type == "Sequence") {
    if (depth > kMaxSequenceDepth) fail(ErrorCode::kUnsupported, "{}: Sequences nest too deeply", place.where());
    place.allow_keys({"type", "pretokenizers"});
    for (const JsonPlace& part : place.at("pretokenizers").elements()) add(part, depth + 1);
  } else if (type == "Split") {
    add_split(place);
  } else if (type == "ByteLevel") {
    add_byte_level(place);
  } else if (type == "Metaspace") {
    add_metaspace(place);
  } else if (type == "Digits") {
    place.allow_keys({"type", "individual_digits"});
    const bool individual = place.flag("individual_digits", false);
    add_step(SplitClass{is_number, individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous}, place);
  } else if (type == "Punctuation") {
    place.allow_keys({"type", "behavior"});
    const auto behavior = place.find("behavior");
    add_step(SplitClass{is_punctuation, behavior ? parse_behavior(*behavior) : SplitBehavior::kIsolated}, place);
  } else if (type == "WhitespaceSplit") {
    place.allow_keys({"type"});
    add_step(SplitClass{is_white_space, SplitBehavior::kRemoved}, place);
  } else if (type == "Whitespace") {
    place.allow_keys({"type"});
    add_step(SplitRegex{Regex::compile(kWordPattern, place.where()), SplitBehavior::kRemoved, true}, place);
  } else if (type == "CharDelimiterSplit") {
    place.allow_keys({"type", "delimiter"});
    const JsonPlace delimiter = place.at("delimiter");
    add_step(SplitRegex{Regex::literal(delimiter.text(), delimiter.where()), SplitBehavior::kRemoved, false}, place);
  } else {
    place.at("type").unsupported();
  }
}

void PreTokenizer::add_split(const JsonPlace& place) {
  place.allow_keys({"type", "pattern", "behavior", "invert"});
  add_step(SplitRegex{regex_from_pattern(place.at("pattern")), parse_behavior(place.at("behavior")),
                      place.flag("invert", false)},
           place);
}

void PreTokenizer::add_byte_level(const JsonPlace& place) {
  place.allow_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  if (place.flag("add_prefix_space", true)) add_step(Prepend{" ", PrependWhen::kAlways}, place);
  if (place.flag("use_regex", true)) {
    add_step(SplitRegex{Regex::compile(kGpt2Pattern, place.where()), SplitBehavior::kIsolated, false}, place);
  }
  add_step(MapBytes{}, place);
}

void PreTokenizer::add_metaspace(const JsonPlace& place) {
  place.allow_keys({"type", "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split"});
  const JsonPlace replacement = place.at("replacement");
  add_step(ReplaceSpaces{std::string(replacement.text())}, place);
  const auto scheme = place.find("prepend_scheme");
  const std::string_view when = scheme ? scheme->text() : place.flag("add_prefix_space", true) ? "always" : "never";
  if (when == "always" || when == "first") {
    const PrependWhen prepend = when == "first" ? PrependWhen::kFirst : PrependWhen::kAlways;
    add_step(Prepend{std::string(replacement.text()), prepend}, place);
  } else if (when != "never") {
    scheme->unsupported();
  }
  if (place.flag("split", true)) {
    add_step(SplitRegex{Regex::literal(replacement.text(), replacement.where()), SplitBehavior::kMergedWithNext, false},
             place);
  }
}

WordList PreTokenizer::split(std::string text, bool begins_input) const {
  const std::size_t original = text.size();
  WordList list;
  list.text = std::move(text);
  append_word({0, list.text.size()}, list.words);
  for (const Step& step : steps_) {
    std::visit([&](const auto& action) { run(action, begins_input, list); }, step.action);
    check_growth(list.text.size(), original, step.where);
  }
  return list;
}

void PreTokenizer::run(const Prepend& prepend, bool begins_input, WordList& list) {
  Rewriter out(list);
  for (const TextRange& range : list.words) {
    const std::string_view word = list.word(range);
    const bool wanted = prepend.when == PrependWhen::kAlways || (begins_input && range.begin == 0);
    if (wanted && word.substr(0, prepend.prefix.size()) != prepend.prefix) out.text() += prepend.prefix;
    out.text() += word;
    out.end_word();
  }
  list = out.take();
}

void PreTokenizer::run(const SplitRegex& split, bool /*begins_input*/, WordList& list) {
  RegexScan scan(split.pattern);
  std::vector<TextRange> words;
  std::vector<Stretch> stretches;
  for (const TextRange& range : list.words) {
    const std::size_t offset = range.begin;
    std::size_t covered = range.begin;
    stretches.clear();
    scan.start(list.word(range));
    for (TextRange found{}; scan.next(found);) {
      const TextRange match{offset + found.begin, offset + found.end};
      if (covered != match.begin) stretches.push_back({{covered, match.begin}, split.invert});
      stretches.push_back({match, !split.invert});
      covered = match.end;
    }
    if (covered != range.end) stretches.push_back({{covered, range.end}, split.invert});
    cut(stretches, split.behavior, words);
  }
  list.words = std::move(words);
}

void PreTokenizer::run(const SplitClass& split, bool /*begins_input*/, WordList& list) {
  std::vector<TextRange> words;
  std::vector<Stretch> stretches;
  for (const TextRange& range : list.words) {
    std::size_t covered = range.begin;
    stretches.clear();
    for (std::size_t i = range.begin; i < range.end;) {
      const CodePoint c = decode_utf8(list.text, i);
      if (split.matches(c.value)) {
        if (covered != i) stretches.push_back({{covered, i}, false});
        stretches.push_back({{i, i + c.length}, true});
        covered = i + c.length;
      }
      i += c.length;
    }
    if (covered != range.end) stretches.push_back({{covered, range.end}, false});
    cut(stretches, split.behavior, words);
  }
  list.words = std::move(words);
}

void PreTokenizer::run(const ReplaceSpaces& replace, bool /*begins_input*/, WordList& list) {
  Rewriter out(list);
  for (const TextRange& range : list.words) {
    for (const char c : list.word(range)) {
      if (c == ' ') {
        out.text() += replace.replacement;
      } else {
        out.text().push_back(c);
      }
    }
    out.end_word();
  }
  list = out.take();
}

void PreTokenizer::run(const MapBytes& /*map*/, bool /*begins_input*/, WordList& list) {
  Rewriter out(list);
  for (const TextRange& range : list.words) {
    append_byte_level(list.word(range), out.text());
    out.end_word();
  }
  list = out.take();
}

}  // namespace marlin
