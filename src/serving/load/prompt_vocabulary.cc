// SPDX-License-Identifier: Apache-2.0
#include "serving/load/prompt_vocabulary.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace marlin::load {
namespace {

constexpr std::size_t kFewestIds = 16;

constexpr std::array<std::string_view, 96> kWords = {
    "time",  "year",   "people", "way",    "day",   "man",   "thing",  "woman", "life",  "child", "world", "school",
    "state", "family", "group",  "hand",   "part",  "place", "case",   "week",  "work",  "fact",  "eye",   "home",
    "water", "room",   "mother", "area",   "money", "story", "point",  "night", "book",  "word",  "side",  "kind",
    "head",  "house",  "friend", "father", "power", "hour",  "game",   "line",  "end",   "city",  "name",  "team",
    "good",  "new",    "first",  "last",   "long",  "great", "little", "own",   "other", "old",   "right", "big",
    "high",  "small",  "large",  "next",   "early", "young", "few",    "same",  "able",  "be",    "have",  "do",
    "say",   "get",    "make",   "go",     "know",  "take",  "see",    "come",  "think", "look",  "want",  "give",
    "use",   "find",   "tell",   "ask",    "seem",  "feel",  "try",    "leave", "call",  "and",   "the",   "with"};

}  // namespace

PromptVocabulary::PromptVocabulary(std::vector<std::int32_t> ids) : ids_(std::move(ids)) {
  std::sort(ids_.begin(), ids_.end());
  ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
  if (ids_.size() < kFewestIds) ids_.clear();
}

std::size_t PromptVocabulary::size() const { return has_ids() ? ids_.size() : kWords.size(); }

boost::json::value PromptVocabulary::prompt(std::span<const std::uint32_t> picks) const {
  if (has_ids()) {
    boost::json::array ids;
    ids.reserve(picks.size());
    for (const std::uint32_t pick : picks) ids.emplace_back(ids_.at(pick));
    return ids;
  }
  std::string text;
  for (const std::uint32_t pick : picks) {
    if (!text.empty()) text += ' ';
    text += kWords.at(pick);
  }
  return boost::json::string(text);
}

std::string PromptVocabulary::all_words() {
  std::string text;
  for (const std::string_view word : kWords) text.append(" ").append(word);
  return text;
}

}  // namespace marlin::load
