// SPDX-License-Identifier: Apache-2.0
// Added tokens: leftmost, longest, not overlapping.
#include "text/tokenizer_added.h"

#include <algorithm>

#include "base/error.h"
#include "io/json.h"
#include "text/tokenizer_limits.h"
#include "text/utf8.h"

namespace marlin {
namespace {

// Bounds the work per byte of text; published control tokens have less than 64 bytes.
constexpr std::size_t kMaxAddedTokenBytes = 1024;

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  const bool word_before = begin > 0 && is_word_character(decode_utf8(text, previous_utf8(text, begin)).value);
  const bool word_after = end < text.size() && is_word_character(decode_utf8(text, end).value);
  return !word_before && !word_after;
}

std::size_t strip_left(std::string_view text, std::size_t begin, std::size_t lowest) {
  while (begin > lowest) {
    const std::size_t previous = previous_utf8(text, begin);
    if (!is_white_space(decode_utf8(text, previous).value)) break;
    begin = previous;
  }
  return begin;
}

std::size_t strip_right(std::string_view text, std::size_t end) {
  while (end < text.size()) {
    const CodePoint c = decode_utf8(text, end);
    if (!is_white_space(c.value)) break;
    end += c.length;
  }
  return end;
}

}  // namespace

StringTrie::StringTrie() : nodes_(1) {}

void StringTrie::insert(std::string_view key, std::int32_t value) {
  if (key.empty()) return;
  first_[static_cast<unsigned char>(key[0])] = true;
  std::uint32_t node = 0;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    auto& children = nodes_[node].children;
    const auto place = std::lower_bound(children.begin(), children.end(), std::pair(byte, std::uint32_t{0}));
    if (place != children.end() && place->first == byte) {
      node = place->second;
    } else {
      const auto created = static_cast<std::uint32_t>(nodes_.size());
      children.insert(place, {byte, created});
      nodes_.emplace_back();
      node = created;
    }
  }
  if (nodes_[node].value < 0) nodes_[node].value = value;
}

StringTrie::Found StringTrie::longest(std::string_view text) const {
  Found found;
  std::uint32_t node = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto& children = nodes_[node].children;
    const auto place = std::lower_bound(children.begin(), children.end(), std::pair(byte, std::uint32_t{0}));
    if (place == children.end() || place->first != byte) break;
    node = place->second;
    if (nodes_[node].value >= 0) found = {nodes_[node].value, i + 1};
  }
  return found;
}

AddedTokens AddedTokens::from_json(const JsonPlace& place, const BpeModel& model, const Normalizer& normalizer) {
  AddedTokens added;
  for (const JsonPlace& token : place.elements()) added.read_token(token, model);
  // Where two tokens are equal after normalisation, special ones come first.
  for (const bool special : {true, false}) {
    for (std::size_t i = 0; i < added.tokens_.size(); ++i) {
      AddedToken& token = added.tokens_[i];
      if (token.special != special) continue;
      if (!token.normalized) {
        added.raw_.insert(token.content, static_cast<std::int32_t>(i));
        continue;
      }
      MarkedText content{token.content, {}};
      normalizer.apply(content);
      added.normalized_.insert(content.text, static_cast<std::int32_t>(i));
      token.decoded = std::move(content.text);
    }
  }
  return added;
}

void AddedTokens::read_token(const JsonPlace& place, const BpeModel& model) {
  place.allow_keys({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
  AddedToken token;
  token.content = place.text("content");
  token.decoded = token.content;
  token.id = static_cast<TokenId>(place.integer("id", 0, kMaxTokenId));
  token.special = place.flag("special", false);
  token.normalized = place.flag("normalized", !token.special);
  token.single_word = place.flag("single_word", false);
  token.lstrip = place.flag("lstrip", false);
  token.rstrip = place.flag("rstrip", false);
  if (token.content.empty()) return;
  if (token.content.size() > kMaxAddedTokenBytes) {
    fail(ErrorCode::kUnsupported, "{}: the token has {} bytes, more than {}", place.where(), token.content.size(),
         kMaxAddedTokenBytes);
  }
  if (const auto id = model.find(token.content)) {
    token.id = *id;
  } else if (const auto other = model.token(token.id)) {
    fail(ErrorCode::kBadFile, "{}: id {} of '{}' belongs to '{}' in the vocabulary", place.where(), token.id,
         excerpt(token.content), excerpt(*other));
  }
  if (by_content_.count(token.content) != 0 || by_id_.count(token.id) != 0) {
    fail(ErrorCode::kBadFile, "{}: the token '{}' or its id {} is listed twice", place.where(), excerpt(token.content),
         token.id);
  }
  by_content_.emplace(token.content, tokens_.size());
  by_id_.emplace(token.id, tokens_.size());
  id_end_ = std::max(id_end_, token.id + 1);
  tokens_.push_back(std::move(token));
}

std::vector<AddedTokens::Segment> AddedTokens::split(const MarkedText& marked, Pass pass) const {
  const StringTrie& trie = pass == Pass::kRaw ? raw_ : normalized_;
  const std::string_view text = marked.text;
  std::vector<Segment> segments;
  std::size_t done = 0;         // everything before is in a segment
  std::size_t trusted_end = 0;  // no input in [i, trusted_end) once i >= the last look
  std::size_t white_begin = 1;
  std::size_t white_end = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (!trie.may_begin_with(text[i])) {
      ++i;
      continue;
    }
    if (i >= trusted_end) trusted_end = std::min(marked.marks.find('\1', i), text.size());
    const StringTrie::Found found = trie.longest(text.substr(i, trusted_end - i));
    if (found.value < 0) {
      ++i;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<std::size_t>(found.value)];
    std::size_t begin = i;
    std::size_t end = i + found.length;
    i = end;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.lstrip) begin = std::max(strip_left(text, begin, done), done);
    if (token.rstrip) {
      // Looking again at white space already looked at would be quadratic.
      if (end < white_begin || end > white_end) {
        white_begin = end;
        white_end = strip_right(text, end);
      }
      end = white_end;
    }
    if (begin >= end) continue;  // white space that the token before has swallowed whole
    if (done < begin) segments.push_back({done, begin, -1});
    segments.push_back({begin, end, token.id});
    done = end;
  }
  if (done < text.size()) segments.push_back({done, text.size(), -1});
  return segments;
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::find(TokenId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

bool AddedTokens::is_special(TokenId id) const {
  const AddedToken* token = find(id);
  return token != nullptr && token->special;
}

}  // namespace marlin
