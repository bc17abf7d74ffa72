// SPDX-License-Identifier: Apache-2.0
// The sums over the lanes of several vectors at once. Included once per SIMD target.

#if defined(MARLIN_CPU_SUM_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MARLIN_CPU_SUM_LANES_INL_H_
#undef MARLIN_CPU_SUM_LANES_INL_H_
#else
#define MARLIN_CPU_SUM_LANES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "base/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr int kMaxFloatLanes = HWY_MAX_BYTES / 4;

/// Adds neighbouring lanes of kN vectors, packing the sums: after each of kLevels levels half as many lanes are left of
/// each. At most a vector full in the end, those of v[0] first. v is destroyed.
template <int kN, int kLevels>
HWY_INLINE hn::Vec<hn::ScalableTag<float>> add_neighbours(hn::Vec<hn::ScalableTag<float>>* v) {
  const hn::ScalableTag<float> d;
  constexpr int kPairs = (kN + 1) / 2;
  MARLIN_UNROLL
  for (int i = 0; i < kPairs; ++i) {
    const auto low = v[2 * i];
    const auto high = v[std::min(2 * i + 1, kN - 1)];
    v[i] = hn::Add(hn::ConcatEven(d, high, low), hn::ConcatOdd(d, high, low));
  }
  if constexpr (kLevels > 1) {
    return add_neighbours<kPairs, kLevels - 1>(v);
  } else {
    static_assert(kPairs == 1);
    return v[0];
  }
}

/// sums[i] = the sum of the lanes of v[i], in an order that does not depend on kN. v is destroyed; sums has room for
/// kMaxFloatLanes more.
template <int kN>
HWY_INLINE void sum_lanes(hn::Vec<hn::ScalableTag<float>>* v, float* sums) {
  constexpr int kNow = std::min(kN, kMaxFloatLanes);
  constexpr int kLevels = kMaxFloatLanes == 16 ? 4 : kMaxFloatLanes == 8 ? 3 : 2;
  hn::StoreU(add_neighbours<kNow, kLevels>(v), hn::ScalableTag<float>(), sums);
  if constexpr (kN > kNow) sum_lanes<kN - kNow>(v + kNow, sums + kNow);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
