// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_tensor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <numbers>

#include "base/half.h"

namespace marlin::test {
namespace {

struct Range {
  double largest;
  double smallest_normal;
  double smallest_subnormal;
};

Range range_of(Element element) {
  switch (element) {
    case Element::kF16:
      return {65504.0, 0x1p-14, 0x1p-24};
    case Element::kBf16:
      return {0x1.FEp127, 0x1p-126, 0x1p-133};
    case Element::kF32:
      break;
  }
  return {0x1.FFFFFEp127, 0x1p-126, 0x1p-149};
}

std::uint16_t to_bfloat16(double value) {
  // Through float with the sticky bit set by hand (rounding to odd), so that there is only one rounding.
  if (std::isnan(value)) return 0x7FC0;
  auto narrow = static_cast<float>(value);
  auto bits = std::bit_cast<std::uint32_t>(narrow);
  if (std::isfinite(narrow) && static_cast<double>(narrow) != value) {
    if (std::fabs(static_cast<double>(narrow)) > std::fabs(value)) --bits;
    bits |= 1U;
  }
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

double hostile_magnitude(Hostile kind, Random& random, const Range& range) {
  switch (kind) {
    case Hostile::kHuge:
      return range.largest * random.uniform(0.25, 1.0);
    case Hostile::kTiny:
      return range.smallest_normal * random.uniform(1.0, 4.0);
    case Hostile::kSubnormal: {
      const double steps = range.smallest_normal / range.smallest_subnormal;
      return range.smallest_subnormal * std::floor(random.uniform(1.0, steps));
    }
    case Hostile::kZeros:
      return 0.0;
    case Hostile::kMixed:
      break;
  }
  const std::size_t which = random.below(std::size(kAllHostile));
  return kAllHostile[which] == Hostile::kMixed ? random.uniform(0.0, 2.0)
                                               : hostile_magnitude(kAllHostile[which], random, range);
}

}  // namespace

std::uint64_t Random::next() {
  state_ += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

double Random::uniform(double low, double high) {
  const double unit = static_cast<double>(next() >> 11) * 0x1p-53;
  return low + unit * (high - low);
}

std::size_t Random::below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(0.0, 1.0)));
  return radius * std::cos(2.0 * std::numbers::pi * uniform(0.0, 1.0));
}

std::vector<std::byte> Random::bytes(std::size_t count) {
  std::vector<std::byte> result(count);
  std::generate(result.begin(), result.end(), [this] { return static_cast<std::byte>(next() >> 56); });
  return result;
}

float round_to(Element element, double value) {
  switch (element) {
    case Element::kF16:
      return half_to_float(double_to_half(value));
    case Element::kBf16:
      return bfloat16_to_float(to_bfloat16(value));
    case Element::kF32:
      break;
  }
  return static_cast<float>(value);
}

std::vector<float> normal_tensor(std::size_t count, std::uint64_t seed, double scale, Element element) {
  Random random(seed);
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(), [&] { return round_to(element, scale * random.normal()); });
  return values;
}

std::vector<float> uniform_tensor(std::size_t count, std::uint64_t seed, double low, double high, Element element) {
  Random random(seed);
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(), [&] { return round_to(element, random.uniform(low, high)); });
  return values;
}

std::vector<float> hostile_tensor(Hostile kind, std::size_t count, std::uint64_t seed, Element element) {
  Random random(seed);
  const Range range = range_of(element);
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(), [&] {
    const double magnitude = hostile_magnitude(kind, random, range);
    return round_to(element, (random.next() & 1U) != 0 ? -magnitude : magnitude);
  });
  return values;
}

std::vector<std::uint16_t> to_halves(std::span<const float> values) {
  std::vector<std::uint16_t> bits(values.size());
  std::transform(values.begin(), values.end(), bits.begin(), float_to_half);
  return bits;
}

std::vector<std::uint16_t> to_bfloat16s(std::span<const float> values) {
  std::vector<std::uint16_t> bits(values.size());
  std::transform(values.begin(), values.end(), bits.begin(), to_bfloat16);
  return bits;
}

}  // namespace marlin::test
