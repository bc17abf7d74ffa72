// SPDX-License-Identifier: Apache-2.0
// Where a thread is, its barriers, and the functions by which the lanes of a warp exchange values. A warp function is
// complete when all lanes that its mask names, and that have not returned from the kernel, have called the same
// function with the same mask; what a lane receives from one that took no part is poison.
#pragma once

#include <cstdint>
#include <cstring>

#include "softcuda/vector_types.h"

extern "C" {

// Of the running thread. Never to be written by kernels.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

void softcuda_barrier(const char* file, std::uint32_t line);
void softcuda_warp_barrier(std::uint32_t mask, const char* file, std::uint32_t line);
std::uint32_t softcuda_ballot(std::uint32_t mask, bool predicate, const char* file, std::uint32_t line);
std::uint32_t softcuda_match(std::uint32_t mask, std::uint64_t value, const char* file, std::uint32_t line);
/// `kind`: a softcuda::Shuffle.
std::uint64_t softcuda_shuffle(int kind, std::uint32_t mask, std::uint64_t value, std::uint32_t operand,
                               std::uint32_t width, const char* file, std::uint32_t line);
}

namespace softcuda {

enum Shuffle : int { kShuffleIndex, kShuffleUp, kShuffleDown, kShuffleXor };

template <typename T>
T shuffle(Shuffle kind, unsigned mask, T value, unsigned operand, int width, const char* file, unsigned line) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, static_cast<const void*>(&value), sizeof(T));
  bits = softcuda_shuffle(kind, mask, bits, operand, static_cast<std::uint32_t>(width), file, line);
  std::memcpy(static_cast<void*>(&value), &bits, sizeof(T));
  return value;
}

}  // namespace softcuda

inline constexpr int warpSize = 32;

inline void __syncthreads(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
  softcuda_barrier(file, line);
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFU, const char* file = __builtin_FILE(),
                       unsigned line = __builtin_LINE()) {
  softcuda_warp_barrier(mask, file, line);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, const char* file = __builtin_FILE(),
                              unsigned line = __builtin_LINE()) {
  return softcuda_ballot(mask, predicate != 0, file, line);
}
inline int __any_sync(unsigned mask, int predicate, const char* file = __builtin_FILE(),
                      unsigned line = __builtin_LINE()) {
  return softcuda_ballot(mask, predicate != 0, file, line) != 0 ? 1 : 0;
}
inline int __all_sync(unsigned mask, int predicate, const char* file = __builtin_FILE(),
                      unsigned line = __builtin_LINE()) {
  return softcuda_ballot(mask, predicate == 0, file, line) == 0 ? 1 : 0;
}
template <typename T>
unsigned __match_any_sync(unsigned mask, T value, const char* file = __builtin_FILE(),
                          unsigned line = __builtin_LINE()) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return softcuda_match(mask, bits, file, line);
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize, const char* file = __builtin_FILE(),
              unsigned line = __builtin_LINE()) {
  return softcuda::shuffle(softcuda::kShuffleIndex, mask, value, static_cast<unsigned>(source), width, file, line);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize, const char* file = __builtin_FILE(),
                 unsigned line = __builtin_LINE()) {
  return softcuda::shuffle(softcuda::kShuffleUp, mask, value, delta, width, file, line);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize, const char* file = __builtin_FILE(),
                   unsigned line = __builtin_LINE()) {
  return softcuda::shuffle(softcuda::kShuffleDown, mask, value, delta, width, file, line);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize, const char* file = __builtin_FILE(),
                  unsigned line = __builtin_LINE()) {
  return softcuda::shuffle(softcuda::kShuffleXor, mask, value, static_cast<unsigned>(lane_mask), width, file, line);
}
