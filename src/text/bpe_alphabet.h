// SPDX-License-Identifier: Apache-2.0
// The byte-level alphabet: each of the 256 bytes as one visible character, so that a vocabulary in JSON can hold any
// bytes. Printable Latin-1 stands for itself, the rest for U+0100 onwards in order (a space is U+0120).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace marlin {

/// Appends the characters that stand for `bytes`.
void append_byte_level(std::string_view bytes, std::string& out);

/// Appends the bytes that `token` stands for; false, and nothing, if it has a character that stands for no byte.
bool append_bytes_of_byte_level(std::string_view token, std::string& out);

}  // namespace marlin
