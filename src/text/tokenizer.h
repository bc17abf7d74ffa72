// SPDX-License-Identifier: Apache-2.0
// Text to token ids and back, exactly as HuggingFace tokenizers does it from the same tokenizer.json (byte-level and
// sentencepiece-style BPE). The program, the sessions and the chat templates call it. The surprise: what a user typed
// is never turned into an added token, however it is spelled; see TextPiece.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace marlin {

using TokenId = std::int32_t;
class TokenDecoder;

/// A stretch of a prompt. Pieces that follow each other are one text; `from_input` says that a user wrote this one.
struct TextPiece {
  std::string_view text;
  bool from_input;
};

/// Immutable; every member may be called from any thread.
class Tokenizer {
 public:
  /// Reads a whole tokenizer.json; `name` stands for it in errors. Throws kBadFile for what is malformed or contradicts
  /// itself, kUnsupported (naming field and value) for what is not known here. `truncation` and `padding` are ignored,
  /// as transformers does.
  static Tokenizer from_json(const boost::json::value& tokenizer_json, std::string_view name);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  enum class SpecialTokens {
    kParse,   ///< added tokens are recognised wherever the text spells them
    kAsText,  ///< none is: the text is ordinary text throughout
  };
  /// Ids of `text`, without BOS or EOS. Any bytes are accepted: ill-formed UTF-8 is replaced by U+FFFD first, like
  /// Python's errors="replace". Throws kInvalidArgument above 1 GiB, kUnsupported if a regular expression runs out of
  /// its budget.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, SpecialTokens special_tokens) const;

  /// Ids of the pieces put together, which equal encode(kParse) of the joined text unless input spells an added token
  /// (or completes one that a neighbour begins): no added token, special or not, is made of input, in part or in whole.
  /// A token may still strip white space out of neighbouring input when it is marked lstrip or rstrip.
  [[nodiscard]] std::vector<TokenId> encode_pieces(std::span<const TextPiece> pieces) const;

  /// `ids` with what the post_processor puts round a sequence.
  [[nodiscard]] std::vector<TokenId> with_special_tokens(std::vector<TokenId> ids) const;

  /// Text of `ids`, always valid UTF-8; ids that stand for nothing are passed over. `skip_special` leaves out special
  /// tokens (clean_up_tokenization_spaces is false).
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, bool skip_special) const;

  /// The raw bytes a token contributes in the middle of a text, not always whole characters; empty for unknown ids.
  [[nodiscard]] std::string token_bytes(TokenId id) const;

  /// The token as tokenizer.json spells it; none for unknown ids.
  [[nodiscard]] std::optional<std::string_view> token(TokenId id) const;

  /// The id of a token by that spelling, added tokens first.
  [[nodiscard]] std::optional<TokenId> find(std::string_view token) const;

  /// Whether the token is an added one marked special.
  [[nodiscard]] bool is_special(TokenId id) const;

  /// Largest id + 1; there may be holes below.
  [[nodiscard]] std::int64_t vocab_size() const;

  /// For StreamDecoder: what turns tokens into text, and what it is given for an id (none: nothing).
  [[nodiscard]] const TokenDecoder& decoder() const;
  [[nodiscard]] std::optional<std::string_view> decodable(TokenId id, bool skip_special) const;

 private:
  struct Parts;
  explicit Tokenizer(std::unique_ptr<const Parts> parts);

  std::unique_ptr<const Parts> parts_;
};

}  // namespace marlin
