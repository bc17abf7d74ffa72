// SPDX-License-Identifier: Apache-2.0
// The byte-level alphabet as constant tables.
#include "text/bpe_alphabet.h"

#include <array>

#include "text/utf8.h"

namespace marlin {
namespace {

constexpr std::size_t kAlphabetEnd = 0x144;

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
}

constexpr std::array<std::uint16_t, 256> make_characters() {
  std::array<std::uint16_t, 256> characters{};
  std::uint16_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    characters[byte] = stands_for_itself(byte) ? static_cast<std::uint16_t>(byte) : next++;
  }
  return characters;
}

constexpr std::array<std::uint16_t, 256> kCharacters = make_characters();

constexpr std::array<std::int16_t, kAlphabetEnd> make_bytes() {
  std::array<std::int16_t, kAlphabetEnd> bytes{};
  for (auto& byte : bytes) byte = -1;
  for (unsigned byte = 0; byte < 256; ++byte) bytes[kCharacters[byte]] = static_cast<std::int16_t>(byte);
  return bytes;
}

constexpr std::array<std::int16_t, kAlphabetEnd> kBytes = make_bytes();

}  // namespace

void append_byte_level(std::string_view bytes, std::string& out) {
  for (const char byte : bytes) append_utf8(out, kCharacters[static_cast<unsigned char>(byte)]);
}

bool append_bytes_of_byte_level(std::string_view token, std::string& out) {
  const std::size_t before = out.size();
  for (std::size_t i = 0; i < token.size();) {
    const CodePoint c = decode_utf8(token, i);
    if (c.value >= kAlphabetEnd || kBytes[c.value] < 0) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(kBytes[c.value]));
    i += c.length;
  }
  return true;
}

}  // namespace marlin
