// SPDX-License-Identifier: Apache-2.0
// attention.metal: the conformance cases of tests/ops, and shapes that its ways of working make hard.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <vector>

#include "ops/grouped_attention.h"
#include "ops/latent_attention.h"
#include "tests/backends/metal/kernel_test.h"
#include "tests/ops/attention_cases.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/test_matrix.h"
#include "tests/support/random_tensor.h"

namespace marlin {
namespace {

class MetalAttention : public test::KernelTest {};
MARLIN_CHECKED_RUNS(MetalAttention);
MARLIN_NARROW_RUN(MetalAttention);

/// All cases; half a minute each.
class FullMetalAttention : public test::KernelTest {};
MARLIN_FAST_RUNS(FullMetalAttention);

TEST_P(FullMetalAttention, GroupedMatchesTheReference) {
  for (const test::GroupedAttentionCase& c : test::grouped_attention_cases()) test::check_attention(device(), c);
}

TEST_P(FullMetalAttention, LatentMatchesTheReference) {
  for (const test::LatentAttentionCase& c : test::latent_attention_cases()) test::check_attention(device(), c);
}

ops::GroupedAttentionShape grouped(std::int64_t n_heads, std::int64_t n_kv_heads, std::int64_t head_dim,
                                   abi::MatrixFormat cache) {
  return {n_heads, n_kv_heads, head_dim, 1.0 / std::sqrt(static_cast<double>(head_dim)), cache};
}

constexpr auto kF16 = abi::MatrixFormat::kF16;
constexpr auto kF32 = abi::MatrixFormat::kF32;
constexpr auto kBf16 = abi::MatrixFormat::kBf16;
constexpr auto kInt8 = abi::MatrixFormat::kInt8;

// One, two and more spans; one, two and three heads that share keys; every way in which a head's dimensions are laid
// out over a simdgroup, dimensions that leave lanes without work, and more than registers hold.
TEST_P(MetalAttention, GroupedIsClean) {
  for (const test::GroupedAttentionCase& c : std::initializer_list<test::GroupedAttentionCase>{
           {grouped(2, 2, 64, kF16), 1, 65, test::Scores::kOrdinary},
           {grouped(4, 2, 7, kF16), 3, 62, test::Scores::kOrdinary},
           {grouped(3, 1, 80, kF32), 2, 130, test::Scores::kAscending},
           {grouped(2, 1, 128, kF16), 1, 3, test::Scores::kExtreme},
           {grouped(1, 1, 200, kF16), 1, 70, test::Scores::kDescending},
           {grouped(2, 1, 256, kF32), 1, 5, test::Scores::kOrdinary},
           {grouped(2, 1, 288, kF16), 2, 63, test::Scores::kExtreme},
           {grouped(2, 2, 64, kInt8), 1, 65, test::Scores::kOrdinary},
           {grouped(4, 2, 7, kInt8), 3, 62, test::Scores::kExtreme},
           {grouped(3, 1, 80, kInt8), 2, 130, test::Scores::kAscending},
           {grouped(2, 1, 200, kInt8), 1, 5, test::Scores::kOrdinary},
           {grouped(4, 2, 288, kInt8), 2, 63, test::Scores::kOrdinary},
       }) {
    test::check_attention(device(), c);
  }
}

TEST_P(MetalAttention, LatentIsClean) {
  for (const test::LatentAttentionCase& c : std::initializer_list<test::LatentAttentionCase>{
           {{3, 32, 16, 8, 24, 0.2, kF16}, kF32, 1, 63, test::Scores::kOrdinary},
           {{5, 37, 11, 6, 19, 0.25, kF32}, kF16, 2, 64, test::Scores::kAscending},
           {{2, 37, 11, 7, 19, 0.25, kF16}, kBf16, 1, 130, test::Scores::kExtreme},
           {{2, 512, 32, 64, 16, 0.0625, kF16}, kBf16, 1, 5, test::Scores::kOrdinary},
           {{2, 520, 12, 9, 10, 0.0625, kF16}, kF32, 1, 65, test::Scores::kOrdinary},
           {{2, 40, 12, 66, 10, 0.2, kF32}, kF16, 1, 2, test::Scores::kDescending},
           {{3, 32, 16, 8, 24, 0.2, kInt8}, kF32, 1, 63, test::Scores::kOrdinary},
           {{5, 37, 11, 7, 19, 0.25, kInt8}, kF16, 2, 64, test::Scores::kAscending},
           {{2, 512, 32, 64, 16, 0.0625, kInt8}, kBf16, 1, 5, test::Scores::kExtreme},
           {{2, 520, 12, 9, 10, 0.0625, kInt8}, kF32, 1, 65, test::Scores::kOrdinary},
       }) {
    test::check_attention(device(), c);
  }
}

// So many rows that sets of heads share a threadgroup; the last threadgroup of a row has work for some simdgroups only.
TEST_P(MetalAttention, ManyRowsAreClean) {
  test::check_attention(device(), test::GroupedAttentionCase{grouped(42, 21, 8, kF16), 16, 0});
}

TEST_P(FullMetalAttention, ManyRowsOfLatentAttention) {
  test::check_attention(device(), test::LatentAttentionCase{{41, 8, 4, 2, 4, 0.2, kF16}, kF16, 16, 0});
}

/// The places of rows of a sequence that lies in one block, the cache's first.
class OneBlock {
 public:
  OneBlock(Device& device, std::size_t start, std::size_t n_rows)
      : places_(device, std::span<const abi::RowPlace>(make_places(start, n_rows))), blocks_(device, kFirst) {}

  [[nodiscard]] ops::RowPlaces places() const { return {places_.view(), blocks_.view(), 1024}; }

 private:
  static constexpr std::array kFirst = {0U};

  static std::vector<abi::RowPlace> make_places(std::size_t start, std::size_t n_rows) {
    std::vector<abi::RowPlace> places;
    for (std::size_t i = 0; i < n_rows; ++i) places.push_back({static_cast<std::uint32_t>(start + i), 0});
    return places;
  }

  test::DeviceTensor<abi::RowPlace> places_;
  test::DeviceTensor<std::uint32_t> blocks_;
};

/// Attention of one row to `keys` of one head of 4, whose values are their positions.
std::vector<float> attend(Device& device, const std::vector<float>& query, const std::vector<float>& keys) {
  const ops::GroupedAttentionShape shape = grouped(1, 1, 4, kF32);
  std::vector<float> positions(keys.size());
  for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<float>(i / 4);
  const test::DeviceTensor<float> q(device, std::span<const float>(query));
  const test::DeviceTensor<float> k(device, std::span<const float>(keys));
  const test::DeviceTensor<float> v(device, std::span<const float>(positions));
  const test::DeviceTensor<float> out(device, 4);
  const OneBlock place(device, keys.size() / 4 - 1, 1);
  test::run_on(device, [&](CommandBuffer& commands) {
    ops::grouped_attention(commands, shape, q.view(), k.view(), v.view(), place.places(), out.view(), 1);
  });
  return out.values();
}

TEST_P(MetalAttention, NumbersGoneWrongShow) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const std::size_t at : {0U, 63U, 64U, 150U}) {  // in the first, second and third span
    for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), kInfinity}) {
      std::vector<float> keys(4 * std::size_t{151}, 1.0F);
      keys[4 * at + 2] = wrong;
      for (const float value : attend(device(), {1, 1, 1, 1}, keys)) EXPECT_TRUE(std::isnan(value)) << at << wrong;
    }
  }
  for (const float value : attend(device(), {1, NAN, 1, 1}, std::vector<float>(4, 1.0F))) {
    EXPECT_TRUE(std::isnan(value));
  }
}

TEST_P(MetalAttention, AValueThatIsNotFiniteSpoilsItsGroup) { test::check_spoiled_value(device()); }

TEST_P(MetalAttention, ScoresOfMinusInfinityHaveNoWeight) {
  std::vector<float> keys(4 * std::size_t{151}, -std::numeric_limits<float>::infinity());
  for (const std::size_t visible : {2U, 60U, 149U}) {
    std::vector<float> some(keys);
    std::fill_n(some.begin(), 4, 0.0F);  // a first span without any score is NaN, as on the cpu
    std::fill_n(some.begin() + static_cast<std::ptrdiff_t>(4 * visible), 4, 0.0F);
    for (const float value : attend(device(), {1, 1, 1, 1}, some)) {
      EXPECT_EQ(value, static_cast<float>(visible) / 2) << visible;
    }
  }
  for (const float value : attend(device(), {1, 1, 1, 1}, keys)) EXPECT_TRUE(std::isnan(value));
}

/// Attention of two heads to three positions, with keys and values `shift` bytes behind a page's begin.
std::vector<float> attend_at(Device& device, std::int64_t dim, abi::MatrixFormat format, std::size_t shift) {
  const auto n = static_cast<std::size_t>(dim);
  const test::Element element = test::element_of(format);
  const std::vector<float> queries = test::normal_tensor(2 * n, 3);
  const std::vector<std::byte> rows = test::stored_bytes(test::normal_tensor(3 * n, 4, 1.0, element), element);
  const auto cache = device.allocate(rows.size() + shift, "cache");
  std::copy(rows.begin(), rows.end(), cache->host() + shift);
  const BufferView view{cache.get(), shift, rows.size()};
  const test::DeviceTensor<float> q(device, std::span<const float>(queries));
  const test::DeviceTensor<float> out(device, 2 * n);
  const OneBlock place(device, 2, 1);
  test::run_on(device, [&](CommandBuffer& commands) {
    ops::grouped_attention(commands, grouped(2, 1, dim, format), q.view(), view, view, place.places(), out.view(), 1);
  });
  return out.values();
}

TEST_P(MetalAttention, CachesNeedNoMoreAlignmentThanTheirElements) {
  for (const std::int64_t dim : {64, 128, 200}) {
    for (const auto format : {kF16, kF32}) {
      const std::vector<float> aligned = attend_at(device(), dim, format, 0);
      EXPECT_FALSE(std::isnan(aligned[0]));
      for (const std::size_t elements : {1U, 2U, 4U}) {
        const std::size_t shift = elements * (format == kF16 ? 2 : 4);
        EXPECT_EQ(attend_at(device(), dim, format, shift), aligned) << dim << " " << shift;
      }
    }
  }
}

/// Latent attention of `n_rows` rows from position 0 on, with kv_b at this address and the cache at a page's begin.
std::vector<float> latent_attention(Device& device, const ops::LatentAttentionShape& shape, abi::MatrixFormat format,
                                    std::uint64_t kv_b, std::int64_t n_rows) {
  const auto rank = static_cast<std::uint32_t>(shape.rank);
  const auto n_out = static_cast<std::uint32_t>(shape.n_heads * (shape.nope_dim + shape.value_dim));
  abi::Matrix matrix{};
  matrix.weights = kv_b;
  matrix.n_in = matrix.stored_in = rank;
  matrix.n_out = matrix.stored_out = n_out;
  matrix.format = format;
  const auto numbers = [&](std::int64_t n, std::uint64_t seed) {
    return test::normal_tensor(static_cast<std::size_t>(n), seed);
  };
  const std::vector<float> queries = numbers(n_rows * shape.n_heads * (shape.nope_dim + shape.rope_dim), 1);
  const std::vector<float> latents = numbers(n_rows * (shape.rank + shape.rope_dim), 2);
  const test::DeviceTensor<float> q(device, std::span<const float>(queries));
  const auto cache = device.allocate(latents.size() * sizeof(float), "cache");
  const BufferView cache_view{cache.get(), 0, latents.size() * sizeof(float)};
  std::copy(latents.begin(), latents.end(), cache_view.host_write<float>());
  const test::DeviceTensor<float> out(device, static_cast<std::size_t>(n_rows * shape.n_heads * shape.value_dim));
  const test::DeviceTensor<float> scratch(
      device, static_cast<std::size_t>(ops::latent_attention_scratch_floats(shape, n_rows)));
  const OneBlock place(device, 0, static_cast<std::size_t>(n_rows));
  test::run_on(device, [&](CommandBuffer& commands) {
    ops::latent_attention(commands, shape, matrix, q.view(), cache_view, place.places(), out.view(), n_rows,
                          scratch.view());
  });
  return out.values();
}

/// Weights at aligned addresses are loaded in other ways than those of the conformance cases, to the same result.
TEST_P(MetalAttention, LatentWeightsAtEveryAlignment) {
  for (const std::int64_t rank : {132, 37}) {
    const ops::LatentAttentionShape shape{2, rank, 5, 4, 7, 0.2, kF32};
    for (const auto format : {kF32, kF16, kBf16}) {
      const test::Element element = test::element_of(format);
      const std::vector<float> weights =
          test::normal_tensor(static_cast<std::size_t>(2 * (5 + 7) * rank), 5, 0.2, element);
      const std::vector<std::byte> bytes = test::stored_bytes(weights, element);
      std::vector<float> expected;
      for (const std::size_t shift : {1U, 0U, 2U, 4U}) {
        if (format == kF32 && shift == 2) continue;
        const auto buffer = device().allocate(bytes.size() + shift, "kv_b");
        std::copy(bytes.begin(), bytes.end(), buffer->host() + shift);
        const std::vector<float> result =
            latent_attention(device(), shape, format, buffer->device_address() + shift, 9);
        if (expected.empty()) expected = result;
        EXPECT_EQ(result, expected) << rank << " " << static_cast<int>(format) << " " << shift;
        EXPECT_FALSE(std::isnan(result[0]));
      }
    }
  }
}

}  // namespace
}  // namespace marlin
