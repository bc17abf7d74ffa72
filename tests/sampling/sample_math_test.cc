// SPDX-License-Identifier: Apache-2.0
// The arithmetic that all backends share, against float64 and 128-bit integers.
#include "abi/sample_math.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "sampling/sampler_random.h"
#include "sampling/sampler_state.h"

namespace marlin {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::uint64_t kOne = std::uint64_t{1} << abi::kWeightBits;

/// Weights at one temperature.
class Weigher {
 public:
  explicit Weigher(double temperature) : arguments_(make_sample_arguments({.temperature = temperature}, 1, -1)) {}

  std::uint64_t operator()(float max, float logit) const {
    return abi::token_weight(max, logit, arguments_.distance_scale, arguments_.distance_limit,
                             arguments_.distance_factor);
  }

 private:
  abi::SampleArguments arguments_;
};

// The roundings: of max - logit (2^-25 of x), of the scaled distance (x / 2^29 at the cut-off, 2^-23.6), of the factor
// (2^-31 of x), of the exponential (2^-28.1); x is at most 40, all of them times ln 2: below 2^-20. Then the last unit.
TEST(TokenWeight, CloseToFloat64OverTheWholeRange) {
  SamplerRandom random(1);
  double worst = 0.0;
  for (int i = 0; i < 1000000; ++i) {
    const double temperature = std::pow(10.0, random.uniform() * 16.0 - 10.0);
    const auto max = static_cast<float>((random.uniform() - 0.5) * std::pow(10.0, random.uniform() * 6.0 - 3.0));
    const auto logit = static_cast<float>(max - temperature * random.uniform() * 30.0);
    const double exact = std::ldexp(std::exp((double{logit} - double{max}) / temperature), abi::kWeightBits);
    const auto got = static_cast<double>(Weigher(temperature)(max, logit));
    ASSERT_LE(std::fabs(got - exact), exact * 0x1p-20 + 1.0) << temperature << ", " << max << ", " << logit;
    worst = std::max(worst, (std::fabs(got - exact) - 1.0) / exact);
  }
  EXPECT_GT(worst, 0x1p-26);  // the bound is not far off
}

TEST(TokenWeight, ExponentialIsCloseAndNeverGrows) {
  std::uint64_t before = kOne;
  for (std::uint64_t x = 0; x < std::uint64_t{2} << abi::kExponentBits; ++x) {
    const std::uint64_t weight = abi::weight_of_exponent(x);
    ASSERT_LE(weight, before) << x;
    before = weight;
    if (x % 101 == 0) {
      const double exact = std::exp2(static_cast<double>(abi::kWeightBits) - std::ldexp(static_cast<double>(x), -27));
      ASSERT_NEAR(static_cast<double>(weight), exact, exact * 0x1p-28 + 1.0) << x;
    }
  }
}

TEST(TokenWeight, LargerLogitsNeverWeighLess) {
  SamplerRandom random(5);
  for (const double temperature : {1e-300, 1e-10, 0.3, 1.0, 37.0, 1e10, 1e300}) {
    std::vector<float> logits(20000);
    for (float& logit : logits) {
      logit = static_cast<float>((random.uniform() - 0.6) * std::pow(10.0, random.uniform() * 40.0 - 35.0));
    }
    std::sort(logits.begin(), logits.end());
    const Weigher weigh(temperature);
    for (std::size_t i = 1; i < logits.size(); ++i) {
      ASSERT_LE(weigh(logits.back(), logits[i - 1]), weigh(logits.back(), logits[i])) << temperature;
    }
  }
}

TEST(TokenWeight, Ends) {
  const float lowest = std::numeric_limits<float>::lowest();
  for (const double temperature : {5e-324, 1e-40, 1e-20, 1e-3, 1.0, 1e3, 1e20, 1e40, 1e308}) {
    const Weigher weigh(temperature);
    for (const float max : {lowest, -3.0F, -1e-45F, -0.0F, 0.0F, 1e-45F, 7.25F, 3e38F}) {
      EXPECT_EQ(weigh(max, max), kOne) << temperature;
      EXPECT_EQ(weigh(max, -kInfinity), 0U) << temperature;
    }
    EXPECT_EQ(weigh(0.0F, -0.0F), kOne);
    EXPECT_EQ(weigh(-0.0F, 0.0F), kOne);
    EXPECT_EQ(weigh(3e38F, lowest), 0U);  // the distance overflows
  }
  EXPECT_EQ(Weigher(1.0)(0.0F, -27.7F), 1U);  // 2^-39.96
  EXPECT_EQ(Weigher(1.0)(0.0F, -27.8F), 0U);
}

// What a processor that flushes subnormal numbers would see: nothing changes.
TEST(TokenWeight, SubnormalNumbersCountAsZero) {
  for (const double temperature : {5e-324, 1e-30, 1.0}) {
    const Weigher weigh(temperature);
    for (const float tiny : {1e-45F, -1e-45F, 1e-38F, -1e-38F}) {
      for (const float other : {0.0F, 1e-38F, 1.5e-38F, 3e-38F, 1e-30F, 1.0F}) {
        if (tiny < other) {
          EXPECT_EQ(weigh(other, tiny), weigh(other, 0.0F)) << temperature << ", " << tiny << ", " << other;
        }
        EXPECT_EQ(weigh(std::max(tiny, -other), -other), weigh(0.0F, -other)) << temperature << ", " << tiny;
      }
    }
  }
}

#if defined(__SSE2__)

/// All that can meet a subnormal number, as bits.
std::vector<std::uint64_t> results_of(const std::vector<float>& values, const std::vector<Weigher>& weighers) {
  std::vector<std::uint64_t> results;
  for (std::size_t i = 1; i < values.size(); ++i) {
    const float max = abi::logit_key(values[i - 1]) < abi::logit_key(values[i]) ? values[i - 1] : values[i];
    const float logit = max == values[i] ? values[i - 1] : values[i];
    results.push_back(weighers[i % weighers.size()](max, logit));
    const float bias = abi::settled(values[i - 1]);
    results.push_back(abi::float_bits(abi::biased_logit(values[i], bias)));
    results.push_back(
        abi::float_bits(abi::penalized_logit(values[i], i % 3 == 0 ? 2 : 0, 0x1p-125F, 0.7F, bias, bias)));
  }
  return results;
}

TEST(SampleMath, FlushingSubnormalNumbersChangesNothing) {
  SamplerRandom random(9);
  std::vector<float> values(300000);
  for (float& value : values) {
    const auto bits = static_cast<std::uint32_t>(random.next());
    value = abi::float_of_bits(bits & (random.next() % 2 == 0 ? 0x81FFFFFFU : 0xBFFFFFFFU));  // half below 2^-123
  }
  std::vector<Weigher> weighers;
  for (const double temperature : {5e-324, 1e-38, 1e-30, 1e-20, 1.0, 1e20}) {
    weighers.emplace_back(temperature);
  }
  const std::vector<std::uint64_t> expected = results_of(values, weighers);
  const unsigned mode = _mm_getcsr();
  _mm_setcsr(mode | 0x8040U);  // results to zero, operands to zero
  const std::vector<std::uint64_t> flushed = results_of(values, weighers);
  _mm_setcsr(mode);
  EXPECT_EQ(flushed, expected);
}

#endif

TEST(LogitKey, CanBeUndone) {
  for (const float logit : {-kInfinity, -3.5F, -1e-45F, 0.0F, 1e-45F, 2.0F, kInfinity}) {
    EXPECT_EQ(abi::logit_of_key(abi::logit_key(logit)), logit);
  }
}

TEST(BiasedLogit, OneRounding) {
  EXPECT_EQ(abi::biased_logit(1.5F, 2.25F), 3.75F);
  EXPECT_EQ(abi::biased_logit(0.1F, 0.2F), 0.1F + 0.2F);
  EXPECT_EQ(abi::biased_logit(1e-40F, 1.0F), 1.0F);
  EXPECT_EQ(abi::biased_logit(kInfinity, -kInfinity), -kInfinity);
  EXPECT_TRUE(std::isnan(abi::biased_logit(std::nanf(""), 1.0F)));
  EXPECT_EQ(abi::biased_logit(std::nanf(""), -kInfinity), -kInfinity);
}

// Three roundings: of the factor, of the penalties' sum, of the result.
TEST(PenalizedLogit, CloseToFloat64) {
  SamplerRandom random(6);
  for (int i = 0; i < 100000; ++i) {
    const SamplingOptions options{.repetition_penalty = std::pow(10.0, random.uniform() * 2.0 - 1.0),
                                  .presence_penalty = random.uniform() * 4.0 - 2.0,
                                  .frequency_penalty = random.uniform() * 4.0 - 2.0};
    const abi::SampleArguments a = make_sample_arguments(options, 1, -1);
    const auto logit = static_cast<float>(random.uniform() * 60.0 - 30.0);
    const auto count = static_cast<std::int32_t>(random.next() % 100);
    const double scaled = logit > 0 ? logit / options.repetition_penalty : logit * options.repetition_penalty;
    const double penalty = count > 0 ? options.presence_penalty + options.frequency_penalty * count : 0.0;
    const double bound = std::fabs(scaled) + 2.0 + 2.0 * std::fabs(options.frequency_penalty) * count;
    EXPECT_NEAR(abi::penalized_logit(logit, count, a.positive_factor, a.negative_factor, a.presence_penalty,
                                     a.frequency_penalty),
                scaled - penalty, bound * 3.0 * 0x1p-24);
  }
}

TEST(PenalizedLogit, InfinitiesAndNanStay) {
  for (const double penalty : {1e-300, 0.5, 1e300}) {
    const abi::SampleArguments a = make_sample_arguments({.repetition_penalty = penalty}, 1, -1);
    const auto penalized = [&](float logit) {
      return abi::penalized_logit(logit, 3, a.positive_factor, a.negative_factor, 0.5F, 0.25F);
    };
    EXPECT_EQ(penalized(kInfinity), kInfinity);
    EXPECT_EQ(penalized(-kInfinity), -kInfinity);
    EXPECT_TRUE(std::isnan(penalized(std::nanf(""))));
  }
}

TEST(TopPTarget, IsTheProductRoundedUp) {
  SamplerRandom random(7);
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t mass = random.next() >> (1 + random.next() % 60);
    const auto top_p = static_cast<std::uint32_t>(random.next());
    const Wide exact = (Wide{mass} * top_p + 0xFFFFFFFFU) >> 32U;
    ASSERT_EQ(abi::top_p_target(mass, top_p), static_cast<std::uint64_t>(exact)) << mass << ", " << top_p;
  }
}

TEST(RandomBelow, IsTheUpperHalfOfTheProduct) {
  SamplerRandom random(8);
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t bits = random.next();
    const std::uint64_t total = random.next() >> (random.next() % 64);
    ASSERT_EQ(abi::random_below(bits, total), static_cast<std::uint64_t>((Wide{bits} * total) >> 64U));
  }
  EXPECT_EQ(abi::random_below(~std::uint64_t{0}, ~std::uint64_t{0}), ~std::uint64_t{0} - 1);
}

// Of 2^64 random numbers each result gets 2^64 / total of them, one more or less: the first and last of each is where
// it must be.
TEST(RandomBelow, GivesEveryNumberTheSameChance) {
  for (const std::uint64_t total : {std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{1000003}, kOne * 3 + 1}) {
    for (const std::uint64_t result : {std::uint64_t{0}, total / 3, total / 2, total - 1}) {
      const Wide first = ((Wide{result} << 64U) + total - 1) / total;
      const Wide end = ((Wide{result + 1} << 64U) + total - 1) / total;
      EXPECT_EQ(abi::random_below(static_cast<std::uint64_t>(first), total), result);
      EXPECT_EQ(abi::random_below(static_cast<std::uint64_t>(end - 1), total), result);
      const Wide share = (Wide{1} << 64U) / total;
      EXPECT_TRUE(end - first == share || end - first == share + 1) << total;
    }
  }
}

}  // namespace
}  // namespace marlin
