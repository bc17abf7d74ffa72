// SPDX-License-Identifier: Apache-2.0
// A small vocabulary of the kind that byte-level BPE makes: every byte, pieces of words and characters, and pieces of
// JSON that cross its structure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "grammar/token_masker.h"

namespace marlin::test {

/// Ids 0 to 255 are the bytes; 256 (a special token) has no bytes; 257 and 258 end a text.
inline constexpr std::uint32_t kSpecialToken = 256;
inline constexpr std::uint32_t kEndToken = 257;
inline constexpr std::uint32_t kOtherEndToken = 258;

inline std::vector<std::string> vocabulary() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  tokens.insert(tokens.end(), {"", "", "<end>"});
  const std::vector<std::string> pieces = {"{\"",
                                           "\":",
                                           "\": ",
                                           "\":\"",
                                           "\",\"",
                                           "\", \"",
                                           "\"},{\"",
                                           "\"}",
                                           "\"]",
                                           "\"]}",
                                           "}}",
                                           "]}",
                                           "]]",
                                           "},",
                                           "},{\"",
                                           "[{\"",
                                           "[[",
                                           "[]",
                                           "{}",
                                           "[\"",
                                           "{\n",
                                           "\n  ",
                                           ",\n  ",
                                           "\n}",
                                           ",\"",
                                           ", ",
                                           "\"\"",
                                           "\":[",
                                           "\":{",
                                           "\":-",
                                           ":[{\"",
                                           "null",
                                           "true",
                                           "false",
                                           "null,",
                                           "true}",
                                           "nul",
                                           "fa",
                                           "se",
                                           "tr",
                                           "ue",
                                           "\\\"",
                                           "\\u",
                                           "\\u00",
                                           "\\n",
                                           "\\\\",
                                           "ud83d",
                                           "the",
                                           " the",
                                           " name",
                                           "name",
                                           "name\":",
                                           "na",
                                           "me",
                                           "id",
                                           "value",
                                           "child",
                                           "children",
                                           "next",
                                           "left",
                                           "kind",
                                           "red",
                                           "green",
                                           "blue",
                                           "a\"",
                                           "ab",
                                           "abc",
                                           "a b",
                                           "x\":",
                                           "hello world",
                                           "  ",
                                           "    ",
                                           "12",
                                           "123",
                                           "1.5",
                                           "-1",
                                           "0.",
                                           "00",
                                           "10",
                                           "e+",
                                           "1e5",
                                           "19",
                                           "20",
                                           "2024-",
                                           "-01",
                                           "T1",
                                           ":0",
                                           "é",
                                           "日本",
                                           "日",
                                           "\xE6\x97",
                                           "\xA5\xE6",
                                           "\xF0\x9F",
                                           "\x98\x80",
                                           "🙂",
                                           "\xC3",
                                           "é\"",
                                           "日\":",
                                           "\xEF\xBF",
                                           "\"a\":1",
                                           "\"id\":",
                                           "\"name\": \"",
                                           "\"kind\":\"",
                                           "1,",
                                           "1}",
                                           "1]",
                                           "0,\"",
                                           "5.0",
                                           std::string(40, ' '),
                                           std::string(40, 'a'),
                                           std::string(33, 'x') + "\"}",
                                           "a" + std::string(39, ' ') + "\",\"",
                                           std::string(31, 'b') + "\""};
  tokens.insert(tokens.end(), pieces.begin(), pieces.end());
  return tokens;
}

inline TokenMasker make_masker() { return {vocabulary(), {kEndToken, kOtherEndToken}}; }

inline bool has_bit(const std::vector<std::uint32_t>& bits, std::uint32_t id) {
  return (bits[id / 32] >> (id % 32) & 1U) != 0;
}

}  // namespace marlin::test
