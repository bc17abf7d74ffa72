// SPDX-License-Identifier: Apache-2.0
// StreamDecoder on top of TokenDecoder::Stream.
#include "text/stream_decoder.h"

namespace marlin {

void StreamDecoder::push(TokenId id, std::string& out) {
  if (const auto given = tokenizer_.decodable(id, skip_special_)) stream_.push(*given, out);
}

void StreamDecoder::flush(std::string& out) { stream_.finish(out); }

}  // namespace marlin
