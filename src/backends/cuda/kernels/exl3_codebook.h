// SPDX-License-Identifier: Apache-2.0
// The EXL3 codebooks on the GPU: two trellis states become two binary16 weights in one register, bit for bit as
// src/trellis/codebook.h has them. States must be clean: bits above the 16 would enter the hash.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "abi/matrix.h"

namespace marlin::cuda {

// By address, because a register is meant: put together from its halves it takes the compiler four instructions.
__device__ inline __half2 as_half2(std::uint32_t bits) { return *reinterpret_cast<const __half2*>(&bits); }

__device__ inline std::uint32_t half2_bits(__half2 pair) { return *reinterpret_cast<const std::uint32_t*>(&pair); }

/// 1024 + the sum of the four bytes of the state's hash, as the bits of a binary16 number.
__device__ inline std::uint32_t mul1_byte_sum(std::uint32_t state) {
  return __dp4a(state * 0x83DCD12DU, 0x01010101U, 0x6400U);
}

/// What hashed_pair() wants, once for many weights. Of two constants an instruction can have one, so this one has to be
/// in a register; the remainder, which is 0, keeps the compiler from knowing it.
__device__ inline std::uint32_t pair_mask(const abi::Matrix& matrix) { return 0x8FFF8FFFU ^ matrix.stored_in % 128; }

/// The two binary16 numbers whose sum is the weight.
template <abi::TrellisCodebook kCodebook>
__device__ inline std::uint32_t hashed_pair(std::uint32_t state, std::uint32_t mask) {
  const std::uint32_t hash =
      kCodebook == abi::TrellisCodebook::kMcg ? state * 0xCBAC1FEDU : state * 89226354U + 64248484U;
  return (hash & mask) ^ 0x3B603B60U;
}

/// The weights of two states, the first in the low half; `mask`: pair_mask().
template <abi::TrellisCodebook kCodebook>
__device__ inline std::uint32_t weight_pair(std::uint32_t first, std::uint32_t second, std::uint32_t mask) {
  if constexpr (kCodebook == abi::TrellisCodebook::kMul1) {
    const std::uint32_t sums = __byte_perm(mul1_byte_sum(first), mul1_byte_sum(second), 0x5410);
    return half2_bits(__hfma2(as_half2(sums), as_half2(0x1EEE1EEEU), as_half2(0xC931C931U)));
  } else {
    const std::uint32_t a = hashed_pair<kCodebook>(first, mask);
    const std::uint32_t b = hashed_pair<kCodebook>(second, mask);
    return half2_bits(__hadd2(as_half2(__byte_perm(a, b, 0x5410)), as_half2(__byte_perm(a, b, 0x7632))));
  }
}

}  // namespace marlin::cuda
