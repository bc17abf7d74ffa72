// SPDX-License-Identifier: Apache-2.0
// Text of a generation as it grows, token by token. Each session that streams has one. The surprise: a push may give
// nothing, or several characters, because a token may end inside a character; nothing given is ever taken back.
#pragma once

#include <string>

#include "text/tokenizer.h"
#include "text/tokenizer_decoder.h"

namespace marlin {

class StreamDecoder {
 public:
  /// The tokenizer must outlive this. `skip_special` as in Tokenizer::decode.
  StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
      : tokenizer_(tokenizer), stream_(tokenizer.decoder()), skip_special_(skip_special) {}

  /// Appends the text that this token settles: whole characters, possibly none. Allocates as TokenDecoder::Stream does.
  void push(TokenId id, std::string& out);
  /// Appends the rest, an incomplete character as U+FFFD. Call once, last: all that push() and flush() gave is then
  /// what Tokenizer::decode gives for all ids at once.
  void flush(std::string& out);

 private:
  const Tokenizer& tokenizer_;
  TokenDecoder::Stream stream_;
  bool skip_special_;
};

}  // namespace marlin
