// SPDX-License-Identifier: Apache-2.0
// See sampler_weights.h. One source for every SIMD width. Surprise: multiplications and additions stay apart although
// most targets could fuse them (CMakeLists.txt forbids the compiler to), since fusing would change the last bit of some
// weights.
#include "sampling/sampler_weights.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sampling/sampler_weights.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace marlin {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// exp(x) for x <= 0 as 2^k exp(r). k is rounded by adding 1.5 * 2^52, which leaves it in the low bits of the sum; ln(2)
// is subtracted in two parts so that r keeps its precision. The coefficients are 1/n!; with |r| <= ln(2)/2 the first
// term left out, r^13/13!, is below 2^-52.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_of_nonpositive(D d, V x) {
  const hn::RebindToUnsigned<D> du;
  const auto c = [&](double value) { return hn::Set(d, value); };
  const V smallest = c(-700.0);
  const V rounder = c(0x1.8p52);
  const V y = hn::Max(x, smallest);
  const V rounded = hn::Add(hn::Mul(y, c(0x1.71547652b82fep+0)), rounder);
  const V k = hn::Sub(rounded, rounder);
  const V r = hn::Sub(hn::Sub(y, hn::Mul(k, c(0x1.62e42feep-1))), hn::Mul(k, c(0x1.a39ef35793c76p-33)));
  const V r2 = hn::Mul(r, r);
  V even = c(1.0 / 479001600);
  for (const double t : {1.0 / 3628800, 1.0 / 40320, 1.0 / 720, 1.0 / 24, 1.0 / 2, 1.0}) {
    even = hn::Add(hn::Mul(even, r2), c(t));
  }
  V odd = c(1.0 / 39916800);
  for (const double t : {1.0 / 362880, 1.0 / 5040, 1.0 / 120, 1.0 / 6, 1.0}) {
    odd = hn::Add(hn::Mul(odd, r2), c(t));
  }
  const auto exponent = hn::Add(hn::BitCast(du, rounded), hn::Set(du, 1023U));
  const V scale = hn::BitCast(d, hn::ShiftLeft<52>(exponent));
  return hn::IfThenZeroElse(hn::Lt(x, smallest), hn::Mul(hn::Add(even, hn::Mul(odd, r)), scale));
}

void weigh_block(const float* logits, double max, double inverse_temperature, double* weights) {
  const HWY_CAPPED(double, 8) d;
  const hn::Rebind<float, decltype(d)> df;
  for (std::size_t i = 0; i < kLogitBlock; i += hn::Lanes(d)) {
    const auto difference = hn::Sub(hn::PromoteTo(d, hn::LoadU(df, logits + i)), hn::Set(d, max));
    hn::StoreU(exp_of_nonpositive(d, hn::Mul(difference, hn::Set(d, inverse_temperature))), d, weights + i);
  }
}

double exp_one(double x) {
  const HWY_CAPPED(double, 1) d;
  return hn::GetLane(exp_of_nonpositive(d, hn::Set(d, x)));
}

}  // namespace HWY_NAMESPACE
}  // namespace marlin
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin {
namespace {

HWY_EXPORT(weigh_block);
HWY_EXPORT(exp_one);

constexpr std::size_t kLanes = 8;

// Block `b` of `values`; a short last block is filled up in `padded`, so that the loops below have one constant length.
const float* block_of(std::span<const float> values, std::size_t b, std::array<float, kLogitBlock>& padded) {
  const std::size_t first = b * kLogitBlock;
  if (values.size() - first >= kLogitBlock) {
    return values.data() + first;
  }
  padded.fill(-std::numeric_limits<float>::infinity());
  std::copy(values.begin() + static_cast<std::ptrdiff_t>(first), values.end(), padded.begin());
  return padded.data();
}

}  // namespace

LogitScan scan_logits(std::span<const float> logits, std::span<float> block_max) {
  std::array<float, kLogitBlock> padded;
  std::array<std::int32_t, kLanes> nan{};
  float max = -std::numeric_limits<float>::infinity();
  for (std::size_t b = 0; b < logit_blocks(logits.size()); ++b) {
    const float* block = block_of(logits, b, padded);
    std::array<float, kLanes> lanes;
    lanes.fill(-std::numeric_limits<float>::infinity());
    for (std::size_t i = 0; i < kLogitBlock; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const float x = block[i + lane];
        lanes[lane] = x > lanes[lane] ? x : lanes[lane];
        nan[lane] |= x == x ? 0 : 1;
      }
    }
    block_max[b] = *std::max_element(lanes.begin(), lanes.end());
    max = std::max(max, block_max[b]);
  }
  return {max, std::any_of(nan.begin(), nan.end(), [](std::int32_t lane) { return lane != 0; })};
}

double negative_exp(double x) { return HWY_DYNAMIC_DISPATCH(exp_one)(x); }

double weigh_logits(std::span<const float> logits, double max, double inverse_temperature, std::span<double> weights,
                    std::span<double> block_mass) {
  const auto weigh = HWY_DYNAMIC_DISPATCH(weigh_block);
  std::array<float, kLogitBlock> padded;
  std::array<double, kLogitBlock> block_weights;
  double total = 0.0;
  for (std::size_t b = 0; b < logit_blocks(logits.size()); ++b) {
    weigh(block_of(logits, b, padded), max, inverse_temperature, block_weights.data());
    std::array<double, kLanes> sums{};
    for (std::size_t i = 0; i < kLogitBlock; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        sums[lane] += block_weights[i + lane];
      }
    }
    block_mass[b] = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
    total += block_mass[b];
    const std::size_t first = b * kLogitBlock;
    std::copy_n(block_weights.begin(), std::min(kLogitBlock, logits.size() - first),
                weights.begin() + static_cast<std::ptrdiff_t>(first));
  }
  return total;
}

}  // namespace marlin
#endif  // HWY_ONCE
