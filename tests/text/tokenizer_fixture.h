// SPDX-License-Identifier: Apache-2.0
// What the tokenizer tests share: the bundled tokenizer, and small ones built in place.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "io/json.h"
#include "text/bpe_alphabet.h"
#include "text/tokenizer.h"

namespace marlin::test {

inline boost::json::value read_repository_json(const std::string& path) {
  return read_json_file(std::string(MARLIN_SOURCE_DIR) + "/" + path, std::size_t{1} << 24);
}

inline Tokenizer demo_tokenizer() {
  return Tokenizer::from_json(read_repository_json("models/demo/tokenizer.json"), "models/demo/tokenizer.json");
}

/// {"type": type}
inline boost::json::object typed(std::string_view type) {
  boost::json::object object;
  object["type"] = type;
  return object;
}

/// A tokenizer.json whose vocabulary is the 256 bytes (id = byte), without merges: ids are bytes, and with
/// add_prefix_space every word shows as a space before it.
inline boost::json::object byte_tokenizer_json(bool prefix_space) {
  boost::json::object vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    const char raw = static_cast<char>(byte);
    std::string character;
    append_byte_level({&raw, 1}, character);
    vocabulary[character] = byte;
  }
  const boost::json::object byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", prefix_space}, {"trim_offsets", true}, {"use_regex", false}};
  return {{"added_tokens", boost::json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", boost::json::array()}}}};
}

inline boost::json::object added_token(int id, std::string_view content, boost::json::object flags = {}) {
  boost::json::object token = {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                               {"rstrip", false}, {"normalized", false}, {"special", true}};
  for (const auto& flag : flags) token[flag.key()] = flag.value();
  return token;
}

}  // namespace marlin::test
