// SPDX-License-Identifier: Apache-2.0
// CRC-32 as zlib computes it (reflected polynomial 0xEDB88320), bit by bit: for comparing with published checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace marlin::test {

inline std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return crc ^ 0xFFFFFFFFU;
}

/// Of the values as little-endian bytes.
inline std::uint32_t crc32(std::span<const std::uint16_t> values) { return crc32(std::as_bytes(values)); }

}  // namespace marlin::test
