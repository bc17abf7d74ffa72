// SPDX-License-Identifier: Apache-2.0
// The `decoder` of tokenizer.json: turns tokens back into text. Tokenizer::decode and StreamDecoder both run a Stream,
// so that text streamed token by token equals text decoded at once. The surprise: a run of <0x..> byte tokens is held
// until it ends, because HuggingFace tokenizers rejects or accepts it as a whole; so are steps that must see the end of
// the text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/regex.h"
#include "text/tokenizer_json.h"
#include "text/utf8.h"

namespace marlin {

/// Immutable, shared between threads; each Stream belongs to one.
class TokenDecoder {
 public:
  /// Joins tokens with spaces, as a file without decoder asks for.
  TokenDecoder() = default;
  /// Supports ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace and Sequence.
  static TokenDecoder from_json(const JsonPlace& place);

  class Stream;

  /// The bytes that a token contributes in the middle of a text; they need not be whole characters.
  [[nodiscard]] std::string token_bytes(std::string_view token) const;

 private:
  struct ByteLevel {};
  struct ByteFallback {};
  struct Fuse {};
  struct Replace {
    Regex pattern;
    std::string content;
  };
  struct Strip {
    std::string content;  // one character
    std::size_t start;
    std::size_t stop;
  };
  struct Metaspace {
    std::string replacement;
    bool drop_first;
  };
  struct Step {
    std::variant<ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace> action;
    std::string where;
    bool fused = false;  // an earlier step has made one token of all
  };

  void add(const JsonPlace& place, int depth);

  bool spaced_ = true;
  std::vector<Step> steps_;
};

/// Decodes one sequence of tokens. The decoder must outlive it.
class TokenDecoder::Stream {
 public:
  explicit Stream(const TokenDecoder& decoder);

  /// Takes the next token as the vocabulary spells it and appends to `out` what is settled: whole characters. Allocates
  /// only to grow `out` and what is held, and for tokens that are uncommonly long.
  void push(std::string_view token, std::string& out);
  /// Ends the sequence and appends the rest. Call once, last.
  void finish(std::string& out);

 private:
  struct State {
    std::string held;       // bytes of a <0x..> run, or of a text whose end must be known
    std::size_t count = 0;  // tokens seen (Metaspace), characters stripped (Strip)
    bool stripping = true;
    Utf8Repairer repairer;
    std::unique_ptr<RegexScan> scan;  // Replace only
    std::string bytes;                // scratch of one act: the token's bytes (ByteLevel)
    std::string piece;                // scratch of one act: what the next step is given
  };

  void feed(std::size_t index, std::string_view token, std::string& out);
  void finish_from(std::size_t index, std::string& out);
  void take_whole(std::size_t index, std::string_view token, std::string& out);
  void act(const ByteLevel& action, std::size_t index, std::string_view token, std::string& out);
  void act(const ByteFallback& action, std::size_t index, std::string_view token, std::string& out);
  void act(const Fuse& action, std::size_t index, std::string_view token, std::string& out);
  void act(const Replace& action, std::size_t index, std::string_view token, std::string& out);
  void act(const Strip& action, std::size_t index, std::string_view token, std::string& out);
  void act(const Metaspace& action, std::size_t index, std::string_view token, std::string& out);
  void strip_beginning(const Strip& action, std::size_t index, std::string_view fragment, std::string& out);
  void release_bytes(std::size_t index, std::string& out);

  const TokenDecoder& decoder_;
  std::vector<State> states_;
  std::size_t taken_ = 0;  // bytes
  std::size_t given_ = 0;
  bool first_ = true;
};

}  // namespace marlin
