// SPDX-License-Identifier: Apache-2.0
// Fuzzes tokenizer.json and the texts it is applied to. The bytes before the first NUL are the file, those behind it
// the text: encoding it, trusted or not, gives ids or an Error; streaming them gives what decoding gives, in valid
// UTF-8.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "io/json.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_decoding(const marlin::Tokenizer& tokenizer, const std::vector<marlin::TokenId>& ids, bool skip_special) {
  const std::string whole = tokenizer.decode(ids, skip_special);
  require(marlin::is_valid_utf8(whole));
  std::string streamed;
  std::string part;
  marlin::StreamDecoder decoder(tokenizer, skip_special);
  for (const marlin::TokenId id : ids) {
    part.clear();
    decoder.push(id, part);
    require(marlin::is_valid_utf8(part));
    streamed += part;
  }
  decoder.flush(streamed);
  require(streamed == whole);
}

void check(const marlin::Tokenizer& tokenizer, std::string_view text) {
  std::vector<marlin::TokenId> ids;
  for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  check_decoding(tokenizer, ids, true);
  ids = tokenizer.encode(text, marlin::Tokenizer::SpecialTokens::kParse);
  check_decoding(tokenizer, ids, false);
  for (const marlin::TokenId id : ids) {
    require(id >= 0 && id < tokenizer.vocab_size() && tokenizer.token(id));
    static_cast<void>(tokenizer.token_bytes(id));
  }
  const std::size_t middle = text.size() / 2;
  const marlin::TextPiece pieces[] = {{text.substr(0, middle), true}, {text.substr(middle), false}};
  static_cast<void>(tokenizer.encode_pieces(pieces));
  static_cast<void>(tokenizer.encode(text, marlin::Tokenizer::SpecialTokens::kAsText));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t end = bytes.find('\0');
  try {
    const auto json = marlin::parse_json(bytes.substr(0, end), "tokenizer.json");
    const auto tokenizer = marlin::Tokenizer::from_json(json, "tokenizer.json");
    check(tokenizer, end == std::string_view::npos ? std::string_view() : bytes.substr(end + 1));
  } catch (const marlin::Error&) {
  }
  return 0;
}
