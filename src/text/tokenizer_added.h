// SPDX-License-Identifier: Apache-2.0
// The `added_tokens` of tokenizer.json: control tokens that are recognised as whole strings before the text is cut into
// words. Called by Tokenizer twice: on the raw text and, for tokens marked `normalized`, on the normalised text. The
// surprise: a match never covers a byte of user input; white space that lstrip and rstrip swallow may.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/bpe.h"
#include "text/normalizer.h"
#include "text/tokenizer_json.h"

namespace marlin {

struct AddedToken {
  std::string content;
  std::string decoded;  ///< what the decoder is given: the content, normalised if the token is
  TokenId id;
  bool special;
  bool normalized;
  bool single_word;
  bool lstrip;
  bool rstrip;
};

/// Finds the longest of a set of strings that begins at a position.
class StringTrie {
 public:
  StringTrie();
  /// Of equal strings, the first inserted wins. `value` must not be negative.
  void insert(std::string_view key, std::int32_t value);
  struct Found {
    std::int32_t value = -1;  ///< -1: nothing
    std::size_t length = 0;
  };
  [[nodiscard]] Found longest(std::string_view text) const;
  [[nodiscard]] bool may_begin_with(char byte) const { return first_[static_cast<unsigned char>(byte)]; }

 private:
  struct Node {
    std::vector<std::pair<unsigned char, std::uint32_t>> children;
    std::int32_t value = -1;
  };
  std::vector<Node> nodes_;
  std::array<bool, 256> first_{};
};

class AddedTokens {
 public:
  AddedTokens() = default;
  /// Reads the array `added_tokens`. A token that the vocabulary has too takes the vocabulary's id.
  static AddedTokens from_json(const JsonPlace& place, const BpeModel& model, const Normalizer& normalizer);

  /// Part of a text: an added token, or ordinary text when `id` is -1.
  struct Segment {
    std::size_t begin;
    std::size_t end;
    TokenId id;
  };
  enum class Pass { kRaw, kNormalized };
  /// The parts of `text`, in order and without empty ones.
  [[nodiscard]] std::vector<Segment> split(const MarkedText& text, Pass pass) const;

  [[nodiscard]] const AddedToken* find(std::string_view content) const;
  [[nodiscard]] const AddedToken* find(TokenId id) const;
  [[nodiscard]] bool is_special(TokenId id) const;
  /// Largest id + 1, 0 without tokens.
  [[nodiscard]] TokenId id_end() const { return id_end_; }
  [[nodiscard]] const std::vector<AddedToken>& tokens() const { return tokens_; }

 private:
  void read_token(const JsonPlace& place, const BpeModel& model);

  std::vector<AddedToken> tokens_;
  std::unordered_map<TokenId, std::size_t> by_id_;
  std::unordered_map<std::string, std::size_t> by_content_;
  StringTrie raw_;
  StringTrie normalized_;
  TokenId id_end_ = 0;
};

}  // namespace marlin
