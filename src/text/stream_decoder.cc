// SPDX-License-Identifier: Apache-2.0
// StreamDecoder on top of TokenDecoder::Stream.
#include "text/stream_decoder.h"

namespace marlin {

std::string StreamDecoder::push(TokenId id) {
  std::string text;
  if (const auto given = tokenizer_.decodable(id, skip_special_)) stream_.push(*given, text);
  return text;
}

std::string StreamDecoder::flush() {
  std::string text;
  stream_.finish(text);
  return text;
}

}  // namespace marlin
