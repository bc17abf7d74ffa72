// SPDX-License-Identifier: Apache-2.0
#include "library/hash.h"

namespace softmetal {

void Hash::add(std::string_view text) {
  constexpr std::uint64_t kPrime = 0x100000001b3U;
  const auto mix = [&](unsigned char byte) {
    low_ = (low_ ^ byte) * kPrime;
    high_ = (high_ ^ byte ^ (low_ >> 56)) * kPrime;
  };
  for (const char c : text) mix(static_cast<unsigned char>(c));
  for (std::uint64_t n = text.size(), i = 0; i < 8; ++i) mix(static_cast<unsigned char>(n >> (8 * i)));
}

std::string Hash::text() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string all;
  for (const std::uint64_t half : {high_, low_}) {
    for (int shift = 60; shift >= 0; shift -= 4) all += kDigits[half >> shift & 15U];
  }
  return all;
}

}  // namespace softmetal
