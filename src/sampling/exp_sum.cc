// SPDX-License-Identifier: Apache-2.0
// See exp_sum.h. One source for every SIMD width. The distance to the largest logit is rounded to float: that is at
// most 2^-21 below 16, and beyond that even 2^23 equal tokens weigh little enough.
#include "sampling/exp_sum.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sampling/exp_sum.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>
// After highway.h, which it needs.
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace marlin {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

double exp_sum_target(const float* logits, std::size_t n, float max) {
  const HWY_CAPPED(double, 8) d;
  const hn::Rebind<float, decltype(d)> df;
  const std::size_t lanes = hn::Lanes(d);
  const auto top = hn::Set(df, max);
  const auto add = [&](const float* from, auto sum) HWY_ATTR {
    return hn::Add(sum, hn::PromoteTo(d, hn::Exp(df, hn::Sub(hn::LoadU(df, from), top))));
  };
  auto even = hn::Zero(d);
  auto odd = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    even = add(logits + i, even);
    odd = add(logits + i + lanes, odd);
  }
  for (; i < n; i += lanes) {
    std::array<float, 8> rest;
    rest.fill(-std::numeric_limits<float>::infinity());
    std::copy_n(logits + i, std::min(lanes, n - i), rest.begin());
    even = add(rest.data(), even);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
}

}  // namespace HWY_NAMESPACE
}  // namespace marlin
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin {

HWY_EXPORT(exp_sum_target);

double exp_sum(std::span<const float> logits, float max) {
  return HWY_DYNAMIC_DISPATCH(exp_sum_target)(logits.data(), logits.size(), max);
}

}  // namespace marlin
#endif  // HWY_ONCE
