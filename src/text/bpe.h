// SPDX-License-Identifier: Apache-2.0
// The `model` of tokenizer.json: vocabulary and merges of byte-pair encoding. Called by Tokenizer word by word. The
// surprise: a character that is neither in the vocabulary nor covered by byte_fallback or unk_token is dropped without
// a word, as HuggingFace tokenizers does; byte-level vocabularies have every byte, so there it cannot happen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/tokenizer_json.h"

namespace marlin {

using TokenId = std::int32_t;

/// Immutable; encode_word() may be called from any thread, each with its own scratch.
class BpeModel {
 public:
  /// Reads the object `model`: type BPE with vocab and merges; ignore_merges, byte_fallback, unk_token and fuse_unk are
  /// honoured; dropout, continuing_subword_prefix and end_of_word_suffix must be absent, null or empty.
  static BpeModel from_json(const JsonPlace& place);

  /// Working memory of encode_word, reused from word to word.
  class Scratch;

  /// Appends the tokens of `word` (valid UTF-8) in O(n log n). Tokens for which `forbidden[id]` holds come out as their
  /// single characters instead; `forbidden` may be null.
  void encode_word(std::string_view word, const std::vector<bool>* forbidden, Scratch& scratch,
                   std::vector<TokenId>& out) const;

  [[nodiscard]] std::optional<TokenId> find(std::string_view token) const;
  /// The token as the file spells it; none for an id outside the vocabulary.
  [[nodiscard]] std::optional<std::string_view> token(TokenId id) const;
  /// Largest id + 1.
  [[nodiscard]] TokenId id_end() const { return static_cast<TokenId>(spans_.size()); }

 private:
  struct Span {
    std::uint32_t offset = 0;
    std::uint32_t length = kAbsent;
  };
  struct Merge {
    std::uint64_t key = kNoPair;  // left id << 32 | right id
    std::uint32_t rank = 0;
    TokenId result = 0;
  };
  static constexpr std::uint32_t kAbsent = UINT32_MAX;
  static constexpr std::uint64_t kNoPair = UINT64_MAX;

  void read_vocabulary(const JsonPlace& place);
  void read_merges(const JsonPlace& place);
  void insert_merge(const Merge& merge);
  [[nodiscard]] const Merge* find_merge(TokenId left, TokenId right) const;
  [[nodiscard]] TokenId unknown_token() const;
  [[nodiscard]] bool has_byte_tokens(std::string_view character) const;
  void split_characters(std::string_view word, Scratch& scratch) const;
  void merge_symbols(Scratch& scratch) const;

  std::vector<char> bytes_;  // all tokens, end to end
  std::vector<Span> spans_;  // by id
  std::unordered_map<std::string_view, TokenId> ids_;
  std::vector<Merge> merges_;            // open addressing, a power of two
  std::vector<TokenId> low_characters_;  // ids of the one-character tokens below U+0200, or -1
  std::vector<TokenId> byte_tokens_;     // ids of <0x00>..<0xFF>, or -1; empty without byte_fallback
  std::optional<std::string> unk_token_;
  std::string where_;
  bool fuse_unk_ = false;
  bool ignore_merges_ = false;
};

class BpeModel::Scratch {
 private:
  friend class BpeModel;
  struct Symbol {
    TokenId id;
    std::int32_t previous;
    std::int32_t next;
    std::uint32_t begin;  // bytes of the word
    std::uint32_t end;    // begin == end: merged into its left neighbour
  };
  struct Candidate {
    std::uint32_t rank;
    std::int32_t position;
    TokenId result;
  };
  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_;
};

}  // namespace marlin
