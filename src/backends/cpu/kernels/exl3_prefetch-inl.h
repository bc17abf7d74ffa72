// SPDX-License-Identifier: Apache-2.0
// Fetches tiles before they are needed. Included once per SIMD target.

#if defined(MARLIN_CPU_EXL3_PREFETCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MARLIN_CPU_EXL3_PREFETCH_INL_H_
#undef MARLIN_CPU_EXL3_PREFETCH_INL_H_
#else
#define MARLIN_CPU_EXL3_PREFETCH_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "backends/cpu/kernels/exl3_sums.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

template <std::size_t kBytes>
HWY_INLINE void prefetch_bytes(const void* first) {
  for (std::size_t byte = 0; byte < kBytes; byte += 64) hwy::Prefetch(static_cast<const std::uint8_t*>(first) + byte);
}

template <int K>
HWY_INLINE void prefetch_tile(const std::uint8_t* tile) {
  prefetch_bytes<std::size_t{32} * K>(tile);
}

template <int K>
HWY_INLINE void prefetch_run(const std::uint8_t* tile, std::size_t row_bytes) {
  for (std::size_t i = 0; i < kRunTiles; ++i, tile += row_bytes) prefetch_tile<K>(tile);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
