// SPDX-License-Identifier: Apache-2.0
// See sampler_weights.h. One source for every SIMD width, the steps those of token_weight(). A lane is 64 bits although
// numbers are 32 mostly: what one multiplication makes of two of them.
#include "sampling/sampler_weights.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "abi/sample_math.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sampling/sampler_weights.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace marlin {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

std::uint64_t weigh_block(const abi::SampleArguments& arguments, const float* logits, float max,
                          std::uint64_t* weights) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kLogitBlock; ++i) {
    weights[i] = abi::token_weight(max, logits[i], arguments.distance_scale, arguments.distance_limit,
                                   arguments.distance_factor);
    sum += weights[i];
  }
  return sum;
}

#else

std::uint64_t weigh_block(const abi::SampleArguments& arguments, const float* logits, float max,
                          std::uint64_t* weights) {
  const HWY_CAPPED(std::uint64_t, 8) d;
  const hn::Repartition<std::uint32_t, decltype(d)> d32;
  const hn::Rebind<float, decltype(d)> df;
  const hn::Rebind<std::int32_t, decltype(d)> di;
  const hn::Rebind<std::uint32_t, decltype(d)> du;
  using V = hn::Vec<decltype(d)>;
  const auto times = [&](V a, V b) HWY_ATTR { return hn::MulEven(hn::BitCast(d32, a), hn::BitCast(d32, b)); };
  const auto top = hn::Set(df, max);
  const auto scale = hn::Set(df, arguments.distance_scale);
  const auto limit = hn::Set(df, arguments.distance_limit);
  const V factor = hn::Set(d, arguments.distance_factor);
  const V fraction = hn::Set(d, (1U << abi::kExponentBits) - 1U);
  V sum = hn::Zero(d);
  for (std::size_t i = 0; i < kLogitBlock; i += hn::Lanes(d)) {
    const auto distance = hn::Min(hn::Mul(hn::Sub(top, hn::LoadU(df, logits + i)), scale), limit);
    const V integral = hn::PromoteTo(d, hn::BitCast(du, hn::ConvertTo(di, distance)));
    const V x = hn::ShiftRight<abi::kDistanceFactorBits>(times(integral, factor));
    const V f = hn::And(x, fraction);
    V p = hn::Set(d, abi::kExp2Coefficient6);
    for (const std::uint32_t c : {abi::kExp2Coefficient5, abi::kExp2Coefficient4, abi::kExp2Coefficient3,
                                  abi::kExp2Coefficient2, abi::kExp2Coefficient1}) {
      p = hn::Sub(hn::Set(d, c), hn::ShiftRight<abi::kExponentBits>(times(f, p)));
    }
    p = hn::Sub(hn::Set(d, std::uint64_t{1} << 32U), hn::ShiftRight<abi::kExponentBits>(times(f, p)));
    const V weight = hn::Shr(hn::ShiftLeft<abi::kWeightBits - 32>(p), hn::ShiftRight<abi::kExponentBits>(x));
    sum = hn::Add(sum, weight);
    hn::StoreU(weight, d, weights + i);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace marlin
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin {
namespace {

HWY_EXPORT(weigh_block);

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

std::uint64_t weigh_logits(const abi::SampleArguments& arguments, std::span<const float> logits, float max,
                           std::span<std::uint64_t> weights, std::span<std::uint64_t> block_mass) {
  const auto weigh = HWY_DYNAMIC_DISPATCH(weigh_block);
  std::uint64_t total = 0;
  for (std::size_t b = 0; b < logit_blocks(logits.size()); ++b) {
    const std::size_t first = b * kLogitBlock;
    if (logits.size() - first >= kLogitBlock) {
      block_mass[b] = weigh(arguments, logits.data() + first, max, weights.data() + first);
    } else {
      std::array<float, kLogitBlock> padded;
      std::array<std::uint64_t, kLogitBlock> padded_weights;
      block_mass[b] = weigh(arguments, block_of(logits, b, padded), max, padded_weights.data());
      std::copy_n(padded_weights.begin(), logits.size() - first, weights.begin() + static_cast<std::ptrdiff_t>(first));
    }
    total += block_mass[b];
  }
  return total;
}

}  // namespace marlin
#endif  // HWY_ONCE
