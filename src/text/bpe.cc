// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding: symbols in a linked list, candidate merges in a heap (lowest rank first, then leftmost), stale
// candidates recognised when they surface.
#include "text/bpe.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "io/json.h"
#include "text/tokenizer_limits.h"
#include "text/utf8.h"

namespace marlin {
namespace {

constexpr char32_t kLowCharacters = 0x200;

std::uint64_t pair_key(TokenId left, TokenId right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

std::size_t hash_pair(std::uint64_t key) {
  key ^= key >> 30;
  key *= 0xBF58476D1CE4E5B9ULL;
  key ^= key >> 27;
  key *= 0x94D049BB133111EBULL;
  return static_cast<std::size_t>(key ^ key >> 31);
}

std::pair<std::string_view, std::string_view> split_merge(const boost::json::value& merge, const std::string& where,
                                                          std::size_t index) {
  if (merge.is_string()) {
    const std::string_view text(merge.get_string());
    const std::size_t space = text.find(' ');
    if (space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos) {
      return {text.substr(0, space), text.substr(space + 1)};
    }
  } else if (merge.is_array() && merge.get_array().size() == 2 && merge.get_array()[0].is_string() &&
             merge.get_array()[1].is_string()) {
    return {merge.get_array()[0].get_string(), merge.get_array()[1].get_string()};
  }
  fail(ErrorCode::kBadFile, R"({}/{} must be "left right" or ["left", "right"])", where, index);
}

}  // namespace

BpeModel BpeModel::from_json(const JsonPlace& place) {
  // The first tokenizer.json files have no type; they are BPE when they have merges.
  if (place.find("type") && place.text("type") != "BPE") place.at("type").unsupported();
  place.allow_keys({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                    "byte_fallback", "ignore_merges", "vocab", "merges"});
  for (const std::string_view affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const auto given = place.find(affix);
    if (given && !given->text().empty()) given->unsupported();
  }
  const auto dropout = place.find("dropout");
  if (dropout && !(dropout->value().is_number() && dropout->value().to_number<double>() == 0.0)) dropout->unsupported();

  BpeModel model;
  model.where_ = place.where();
  model.fuse_unk_ = place.flag("fuse_unk", false);
  model.ignore_merges_ = place.flag("ignore_merges", false);
  const auto unk_token = place.find("unk_token");
  if (unk_token && !unk_token->text().empty()) model.unk_token_ = unk_token->text();
  model.read_vocabulary(place.at("vocab"));
  model.read_merges(place.at("merges"));
  if (place.flag("byte_fallback", false)) {
    for (int byte = 0; byte < 256; ++byte) {
      model.byte_tokens_.push_back(model.find(fmt::format("<0x{:02X}>", byte)).value_or(-1));
    }
  }
  for (char32_t c = 0; c < kLowCharacters; ++c) {
    std::string character;
    append_utf8(character, c);
    model.low_characters_.push_back(model.find(character).value_or(-1));
  }
  return model;
}

void BpeModel::read_vocabulary(const JsonPlace& place) {
  const boost::json::object& vocabulary = place.object();
  std::size_t total = 0;
  std::int64_t last = -1;
  // Holes are allowed, but not so large that a short file takes much memory.
  const auto highest = std::min<std::int64_t>(kMaxTokenId, 65536 + 64 * static_cast<std::int64_t>(vocabulary.size()));
  for (const auto& [token, id] : vocabulary) {
    if (!id.is_int64() || id.get_int64() < 0 || id.get_int64() > highest) {
      fail(ErrorCode::kBadFile, "{}: the id of '{}' must be an integer from 0 to {}", place.where(), excerpt(token),
           highest);
    }
    total += token.size();
    last = std::max(last, id.get_int64());
  }
  if (total >= kAbsent) fail(ErrorCode::kBadFile, "{}: {} bytes of tokens are too many", place.where(), total);
  bytes_.reserve(total);
  spans_.resize(static_cast<std::size_t>(last + 1));
  ids_.reserve(vocabulary.size());
  for (const auto& [token, id] : vocabulary) {
    const std::string_view text(token);
    Span& span = spans_[static_cast<std::size_t>(id.get_int64())];
    if (span.length != kAbsent) {
      fail(ErrorCode::kBadFile, "{}: the id {} is given twice, the second time to '{}'", place.where(), id.get_int64(),
           excerpt(text));
    }
    if (!is_valid_utf8(text))
      fail(ErrorCode::kBadFile, "{}: token {} is not valid UTF-8", place.where(), id.get_int64());
    span = {static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(text.size())};
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    ids_.emplace(std::string_view(bytes_.data() + span.offset, span.length), static_cast<TokenId>(id.get_int64()));
  }
}

void BpeModel::read_merges(const JsonPlace& place) {
  const boost::json::array& merges = place.array();
  std::size_t capacity = 16;
  while (capacity < 2 * merges.size()) capacity *= 2;
  merges_.resize(capacity);
  std::string joined;
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    if (merges[i].is_string() && std::string_view(merges[i].get_string()).substr(0, 8) == "#version") continue;
    const auto [left, right] = split_merge(merges[i], place.where(), i);
    joined.assign(left).append(right);
    const auto left_id = find(left);
    const auto right_id = find(right);
    const auto result = find(joined);
    if (!left_id || !right_id || !result) {
      const std::string_view missing = !left_id ? left : !right_id ? right : std::string_view(joined);
      fail(ErrorCode::kBadFile, "{}/{} names '{}', which is not in the vocabulary", place.where(), i, excerpt(missing));
    }
    insert_merge({pair_key(*left_id, *right_id), rank++, *result});
  }
}

void BpeModel::insert_merge(const Merge& merge) {
  const std::size_t mask = merges_.size() - 1;
  std::size_t slot = hash_pair(merge.key) & mask;
  while (merges_[slot].key != kNoPair && merges_[slot].key != merge.key) slot = (slot + 1) & mask;
  merges_[slot] = merge;  // of a pair listed twice, the last counts
}

const BpeModel::Merge* BpeModel::find_merge(TokenId left, TokenId right) const {
  const std::uint64_t key = pair_key(left, right);
  const std::size_t mask = merges_.size() - 1;
  for (std::size_t slot = hash_pair(key) & mask;; slot = (slot + 1) & mask) {
    if (merges_[slot].key == key) return &merges_[slot];
    if (merges_[slot].key == kNoPair) return nullptr;
  }
}

std::optional<TokenId> BpeModel::find(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string_view> BpeModel::token(TokenId id) const {
  if (id < 0 || id >= id_end()) return std::nullopt;
  const Span& span = spans_[static_cast<std::size_t>(id)];
  if (span.length == kAbsent) return std::nullopt;
  return std::string_view(bytes_.data() + span.offset, span.length);
}

TokenId BpeModel::unknown_token() const {
  const auto id = find(*unk_token_);
  if (!id) fail(ErrorCode::kBadFile, "{}: unk_token '{}' is not in the vocabulary", where_, excerpt(*unk_token_));
  return *id;
}

void BpeModel::encode_word(std::string_view word, const std::vector<bool>* forbidden, Scratch& scratch,
                           std::vector<TokenId>& out) const {
  const auto is_forbidden = [&](TokenId id) {
    return forbidden != nullptr && (*forbidden)[static_cast<std::size_t>(id)];
  };
  MARLIN_CHECK(word.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()));
  if (ignore_merges_) {
    const auto whole = find(word);
    if (whole && !is_forbidden(*whole)) {
      out.push_back(*whole);
      return;
    }
  }
  split_characters(word, scratch);
  merge_symbols(scratch);
  for (const Scratch::Symbol& symbol : scratch.symbols_) {
    if (symbol.begin == symbol.end) continue;
    if (!is_forbidden(symbol.id)) {
      out.push_back(symbol.id);
      continue;
    }
    Scratch characters;
    split_characters(word.substr(symbol.begin, symbol.end - symbol.begin), characters);
    for (const Scratch::Symbol& character : characters.symbols_) out.push_back(character.id);
  }
}

void BpeModel::split_characters(std::string_view word, Scratch& scratch) const {
  std::vector<Scratch::Symbol>& symbols = scratch.symbols_;
  symbols.clear();
  const auto add = [&](TokenId id, std::size_t begin, std::size_t end) {
    const auto index = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({id, index - 1, index + 1, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
  };
  std::size_t unknown_begin = 0;
  std::size_t unknown_end = 0;  // unknown_begin < unknown_end: an unknown token is due
  const auto add_unknown = [&] {
    if (unknown_begin < unknown_end) add(unknown_token(), unknown_begin, unknown_end);
    unknown_end = unknown_begin;
  };
  for (std::size_t i = 0; i < word.size();) {
    const CodePoint c = decode_utf8(word, i);
    const std::size_t end = i + c.length;
    const TokenId id =
        c.value < kLowCharacters ? low_characters_[c.value] : find(word.substr(i, c.length)).value_or(-1);
    if (id >= 0) {
      add_unknown();
      add(id, i, end);
    } else if (has_byte_tokens(word.substr(i, c.length))) {
      // An unknown token that is due stays due: it comes out behind these bytes, as in HuggingFace tokenizers.
      for (std::size_t k = i; k < end; ++k) add(byte_tokens_[static_cast<unsigned char>(word[k])], k, k + 1);
    } else if (unk_token_) {
      const bool fuse = fuse_unk_ && unknown_begin < unknown_end;
      if (!fuse) add_unknown();
      if (!fuse) unknown_begin = i;
      unknown_end = end;
    }
    i = end;
  }
  add_unknown();
  if (!symbols.empty()) symbols.back().next = -1;
}

bool BpeModel::has_byte_tokens(std::string_view character) const {
  return !byte_tokens_.empty() && std::all_of(character.begin(), character.end(), [&](char byte) {
    return byte_tokens_[static_cast<unsigned char>(byte)] >= 0;
  });
}

void BpeModel::merge_symbols(Scratch& scratch) const {
  std::vector<Scratch::Symbol>& symbols = scratch.symbols_;
  std::vector<Scratch::Candidate>& heap = scratch.heap_;
  const auto later = [](const Scratch::Candidate& a, const Scratch::Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  };
  const auto at = [&](std::int32_t position) -> Scratch::Symbol& {
    return symbols[static_cast<std::size_t>(position)];
  };
  const auto consider = [&](std::int32_t left) {
    if (left < 0 || at(left).next < 0) return;
    const Merge* merge = find_merge(at(left).id, at(at(left).next).id);
    if (merge != nullptr) heap.push_back({merge->rank, left, merge->result});
  };
  heap.clear();
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i) consider(static_cast<std::int32_t>(i));
  std::make_heap(heap.begin(), heap.end(), later);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const Scratch::Candidate best = heap.back();
    heap.pop_back();
    Scratch::Symbol& left = at(best.position);
    if (left.begin == left.end || left.next < 0) continue;
    Scratch::Symbol& right = at(left.next);
    const Merge* merge = find_merge(left.id, right.id);
    if (merge == nullptr || merge->result != best.result) continue;  // its neighbours have changed since
    left.id = best.result;
    left.end = right.end;
    left.next = right.next;
    right.end = right.begin;
    if (left.next >= 0) at(left.next).previous = best.position;
    for (const std::int32_t position : {left.previous, best.position}) {
      const std::size_t before = heap.size();
      consider(position);
      if (heap.size() != before) std::push_heap(heap.begin(), heap.end(), later);
    }
  }
}

}  // namespace marlin
