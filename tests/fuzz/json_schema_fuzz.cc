// SPDX-License-Identifier: Apache-2.0
// Fuzzes JSON schemas: any schema is refused with an Error or gives a grammar; every text that the grammar's own masks
// lead to is valid JSON. Input: a schema, then optionally a zero byte and bytes that choose what is written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "grammar/constrained_text.h"
#include "grammar/json_schema.h"
#include "io/json.h"

namespace {

constexpr std::uint32_t kEnd = 256;

const marlin::TokenMasker& masker() {
  static const marlin::TokenMasker instance = [] {
    std::vector<std::string> tokens;
    for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
    tokens.insert(tokens.end(), {"", "\":", "{\"", "\",\"", "},", "\"}", "123", "ab", "true", "\n  ", "\xC3\xA9"});
    return marlin::TokenMasker(std::move(tokens), {kEnd});
  }();
  return instance;
}

/// Whether the grammar is too ambiguous for some byte that could come next.
bool is_too_ambiguous(const marlin::GrammarState& state) {
  for (int byte = 0; byte < 256; ++byte) {
    marlin::GrammarState copy = state;
    copy.advance(static_cast<std::uint8_t>(byte));
    if (copy.too_ambiguous()) return true;
  }
  return false;
}

void write(const marlin::Grammar& grammar, std::string_view choices) {
  marlin::ConstrainedText text(masker(), grammar);
  std::vector<std::uint32_t> bits(masker().n_words());
  std::string written;
  for (const char choice : choices.substr(0, 200)) {
    text.mask(bits);
    // The first allowed token from the chosen one on.
    auto token = static_cast<std::uint32_t>(static_cast<unsigned char>(choice));
    std::size_t n_tried = 0;
    while (n_tried < masker().n_tokens() && (bits[token / 32] >> (token % 32) & 1U) == 0) {
      token = (token + 1) % static_cast<std::uint32_t>(masker().n_tokens());
      ++n_tried;
    }
    if (n_tried == masker().n_tokens()) {
      if (!text.is_complete() && !is_too_ambiguous(text.state())) std::abort();
      break;
    }
    if (!text.accept(token)) std::abort();
    if (token == kEnd) break;
    written += masker().bytes(token);
  }
  if (!text.is_complete()) return;
  boost::json::parse_options options;
  options.max_depth = 1000;
  boost::json::error_code error;
  boost::json::parse(written, error, {}, options);
  if (error) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find('\0');
  try {
    const boost::json::value schema = marlin::parse_json(input.substr(0, split), "fuzz");
    write(marlin::compile_json_schema(schema), split == std::string_view::npos ? "{\"a\":1}" : input.substr(split + 1));
  } catch (const marlin::Error&) {
    return 0;
  }
  return 0;
}
