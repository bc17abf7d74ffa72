// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/row_cases.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/half.h"
#include "ops/copy.h"
#include "ops/embed.h"
#include "ops/kv_append.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/error_bound.h"
#include "tests/ops/test_cache.h"
#include "tests/ops/test_matrix.h"
#include "tests/ops/test_places.h"
#include "tests/support/near_norm.h"
#include "tests/support/random_tensor.h"
#include "tests/support/reference/rope.h"

namespace marlin::test {
namespace {

// below, at and above the vector lengths of every instruction set, and primes
constexpr std::size_t kWidths[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 64, 127, 128, 131, 576, 1031};
constexpr std::size_t kRowCounts[] = {1, 2, 5, 8, 65};

std::vector<float> hostile_or_normal(std::size_t variant, std::size_t count, std::uint64_t seed, Element element) {
  if (variant == 0) return normal_tensor(count, seed, 1.0, element);
  return hostile_tensor(kAllHostile[variant - 1], count, seed, element);
}

constexpr std::size_t kVariants = 1 + std::size(kAllHostile);

}  // namespace

void check_copy(Device& device) {
  for (const std::size_t n :
       {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{16384}, std::size_t{16385}, std::size_t{50000}}) {
    const std::vector<float> values = hostile_tensor(Hostile::kMixed, n, n);
    const DeviceTensor<float> source(device, std::span<const float>(values));
    const DeviceTensor<float> destination(device, n);
    run_on(device, [&](CommandBuffer& commands) { ops::copy(commands, source.view(), destination.view()); });
    expect_same_bits(destination.values(), values, fmt::format("copy of {}", n));
  }
}

void check_embed(Device& device) {
  constexpr std::size_t kVocabulary = 23;
  for (const abi::MatrixFormat format : {abi::MatrixFormat::kF32, abi::MatrixFormat::kF16, abi::MatrixFormat::kBf16}) {
    for (const std::size_t width : kWidths) {
      for (std::size_t variant = 0; variant < kVariants; ++variant) {
        const std::vector<float> table = hostile_or_normal(variant, kVocabulary * width, width, element_of(format));
        const WrappedBytes memory(device, stored_bytes(table, element_of(format)));
        abi::Matrix matrix{};
        matrix.weights = memory.device_address();
        matrix.n_in = matrix.stored_in = static_cast<std::uint32_t>(width);
        matrix.n_out = matrix.stored_out = kVocabulary;
        matrix.format = format;
        const std::vector<std::int32_t> tokens = {0, 22, 7, 7, 1, 21, 0};  // the ends, and repeated
        std::vector<std::int32_t> known = tokens;
        known[2] = -1;  // chosen[0]
        known[4] = -3;
        const DeviceTensor<std::int32_t> ids(device, std::span<const std::int32_t>(known));
        const DeviceTensor<std::int32_t> chosen(device, std::array{tokens[2], 0, tokens[4]});
        const DeviceTensor<float> out(device, tokens.size() * width);
        run_on(device, [&](CommandBuffer& commands) {
          ops::embed(commands, matrix, ids.view(), chosen.view(), out.view(), static_cast<std::int64_t>(tokens.size()));
        });
        std::vector<float> expected;
        for (const std::int32_t id : tokens) {
          const auto row = table.begin() + id * static_cast<std::ptrdiff_t>(width);
          expected.insert(expected.end(), row, row + static_cast<std::ptrdiff_t>(width));
        }
        const std::string what =
            fmt::format("embed, format {}, width {}, variant {}", static_cast<int>(format), width, variant);
        if (!expect_same_bits(out.values(), expected, what)) return;  // every stored value is a float32
      }
    }
  }
}

namespace {

struct NormCase {
  std::size_t width;
  std::size_t n_rows;
  std::size_t in_gap;
  std::size_t out_gap;
  bool in_place;
  double scale;  // of x
};

void check_rms_norm(Device& device, const NormCase& c, const std::vector<float>& x, double eps) {
  const std::vector<float> weight = normal_tensor(c.width, 5);
  const DeviceTensor<float> weights(device, std::span<const float>(weight));
  const DeviceRows in(device, std::span<const float>(x), c.width, c.in_gap);
  const DeviceRows out(device, c.n_rows, c.width, c.out_gap);
  const ops::Rows target = c.in_place ? in.rows() : out.rows();
  run_on(device, [&](CommandBuffer& commands) {
    ops::rms_norm(commands, weights.view(), in.rows(), target, static_cast<std::int64_t>(c.n_rows),
                  static_cast<std::int64_t>(c.width), eps);
  });
  const reference::Tensor expected = reference::rms_norm(to_doubles(x), to_doubles(weight), eps);
  // The sum of squares has terms of one sign: its relative error is halved by the root; then six
  // roundings (mean, eps, root, reciprocal, two products), each of the value itself.
  reference::Tensor bound;
  for (const double v : expected) {
    bound.push_back(std::fabs(v) * (positive_sum_tolerance(c.width) / 2 + 6 * kUnit) + kFlush / std::sqrt(eps) * 8);
  }
  expect_within(c.in_place ? in.values() : out.values(), expected, bound,
                fmt::format("rms_norm, width {}, {} rows, gaps {} {}, in place {}, scale {}", c.width, c.n_rows,
                            c.in_gap, c.out_gap, c.in_place, c.scale));
}

}  // namespace

void check_rms_norm(Device& device) {
  for (const std::size_t width : kWidths) {
    for (const std::size_t n_rows : kRowCounts) {
      const bool in_place = (width + n_rows) % 3 == 0;
      const NormCase c{width, n_rows, width % 2 * 3, n_rows % 2 * 5, in_place, 1.0};
      check_rms_norm(device, c, normal_tensor(n_rows * width, width + n_rows), 1e-5);
    }
    // squares must not overflow: 2^54 squared times 1031 is below 2^127
    for (const double scale : {0x1p54, 0x1p-60, 0x1p-130, 0.0}) {
      const NormCase c{width, 3, 0, 2, false, scale};
      check_rms_norm(device, c, normal_tensor(3 * width, width, scale), 1e-6);
    }
  }
}

namespace {

struct RopeCase {
  std::size_t n_heads;
  std::size_t dim;
  std::size_t before;  // floats of a head that are not rotated, before and behind those that are
  std::size_t behind;
  std::size_t n_rows;
  std::size_t start;
  bool interleaved;
};

void check_rope(Device& device, const RopeCase& c) {
  const std::size_t head_stride = c.before + c.dim + c.behind;
  const std::size_t width = c.n_heads * head_stride;
  const std::vector<float> x = normal_tensor(c.n_rows * width, 7 + c.dim);
  const reference::Tensor frequencies = reference::plain_frequencies(c.dim, 10000.0);
  std::vector<float> table;
  for (std::size_t position = 0; position < c.start + c.n_rows; ++position) {
    for (const double frequency : frequencies) {
      table.push_back(static_cast<float>(std::cos(static_cast<double>(position) * frequency)));
      table.push_back(static_cast<float>(std::sin(static_cast<double>(position) * frequency)));
    }
  }
  const DeviceTensor<float> angles(device, std::span<const float>(table));
  const DeviceRows rows(device, std::span<const float>(x), width, c.n_rows % 2 * 3);
  const TestPlaces places(device, c.start, c.n_rows);
  run_on(device, [&](CommandBuffer& commands) {
    ops::rope(commands, angles.view(), rows.rows(), places.places(), static_cast<std::int64_t>(c.n_rows),
              {.n_heads = static_cast<std::int64_t>(c.n_heads),
               .head_stride = static_cast<std::int64_t>(head_stride),
               .offset = static_cast<std::int64_t>(c.before),
               .dim = static_cast<std::int64_t>(c.dim),
               .interleaved = c.interleaved});
  });
  // rotate the same values in the reference, put back between those that must not change
  reference::Tensor turned;
  std::vector<std::size_t> positions;
  for (std::size_t row = 0; row < c.n_rows; ++row) {
    positions.push_back(c.start + row);
    for (std::size_t head = 0; head < c.n_heads; ++head) {
      const auto begin = x.begin() + static_cast<std::ptrdiff_t>(row * width + head * head_stride + c.before);
      turned.insert(turned.end(), begin, begin + static_cast<std::ptrdiff_t>(c.dim));
    }
  }
  turned = reference::rope(turned, positions, c.n_heads, frequencies,
                           c.interleaved ? reference::RopePairs::kInterleaved : reference::RopePairs::kHalves);
  reference::Tensor expected = to_doubles(x);
  reference::Tensor bound(expected.size(), 0.0);
  for (std::size_t i = 0; i < turned.size(); ++i) {
    const std::size_t at = i / c.dim * head_stride + c.before + i % c.dim;
    expected[at] = turned[i];
    // two products of values below 5 with rounded factors, one sum: 3 roundings of at most 2 * 5
    bound[at] = 3 * 10 * kUnit;
  }
  expect_within(rows.values(), expected, bound,
                fmt::format("rope, {} heads of {}+{}+{}, {} rows at {}, interleaved {}", c.n_heads, c.before, c.dim,
                            c.behind, c.n_rows, c.start, c.interleaved));
}

}  // namespace

void check_rope(Device& device) {
  for (const bool interleaved : {false, true}) {
    for (const std::size_t dim : {2U, 6U, 32U, 64U, 128U}) {
      for (const std::size_t start : {0U, 1U, 77U}) {
        check_rope(device, {1, dim, 0, 0, 1, start, interleaved});
        check_rope(device, {3, dim, 5, 0, 9, start, interleaved});   // a latent query: nope before
        check_rope(device, {4, dim, 0, 7, 64, start, interleaved});  // partial rotation: values behind
        check_rope(device, {1, dim, 33, 2, 5, start, interleaved});
      }
    }
  }
}

void check_kv_append(Device& device) {
  for (const std::size_t width : kWidths) {
    for (std::size_t variant = 0; variant < kVariants; ++variant) {
      const std::size_t n_rows = kRowCounts[(width + variant) % std::size(kRowCounts)];
      const std::size_t start = width % 4 * 3;
      std::vector<float> x = hostile_or_normal(variant, n_rows * width, width, Element::kF32);
      // beyond float16 on either side, and halfway between its values, where rounding must go to even
      const std::vector<float> edges = {65504.0F,       65519.9F,     65520.0F,     -70000.0F,  1.00048828125F,
                                        1.00146484375F, 0x1p-24F,     0x1p-25F,     0x1.8p-25F, 0x1.8p-24F,
                                        -0x1.004p-14F,  0x1.ffcp-15F, 0x1.ffep-15F, -0.0F};
      for (std::size_t i = 0; i < x.size(); i += 2) x[i] = variant == 0 ? edges[i / 2 % edges.size()] : x[i];
      const std::string what =
          fmt::format("kv_append, width {}, {} rows at {}, variant {}", width, n_rows, start, variant);
      const DeviceRows rows(device, std::span<const float>(x), width, variant % 2);
      const TestPlaces places(device, start, n_rows, std::size_t{4} << width % 3);
      const std::size_t cached = places.n_cache_rows() * width;
      const DeviceTensor<std::uint16_t> halves(device, cached);
      const DeviceTensor<float> floats(device, cached);
      run_on(device, [&](CommandBuffer& commands) {
        const auto append = [&](const BufferView& cache, abi::MatrixFormat format) {
          ops::kv_append(commands, rows.rows(), cache, places.places(), static_cast<std::int64_t>(n_rows),
                         {.dim = static_cast<std::int64_t>(width)}, format);
        };
        append(halves.view(), abi::MatrixFormat::kF16);
        append(floats.view(), abi::MatrixFormat::kF32);
      });
      std::vector<std::uint16_t> expected_halves(cached, 0xFFFF);  // other positions untouched
      std::vector<float> expected_floats(cached, std::bit_cast<float>(0xFFFFFFFFU));
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t at = places.cache_row(start + i / width) * width + i % width;
        expected_halves[at] = float_to_half(x[i]);
        expected_floats[at] = x[i];
      }
      ASSERT_EQ(halves.values(), expected_halves) << what;
      if (!expect_same_bits(floats.values(), expected_floats, what)) return;
    }
  }
}

namespace {

struct Int8Case {
  std::size_t n_rows;
  std::size_t n_vectors;
  std::size_t dim;
  std::size_t tail_dim;
};

/// Stores x in an 8-bit cache, which then has to hold the very bytes of the reference.
void check_int8_append(Device& device, const Int8Case& c, const std::vector<float>& x, std::string_view what) {
  const std::size_t width = c.n_vectors * c.dim;
  const StoredVectors stored = store_vectors(x, c.dim, c.tail_dim, abi::MatrixFormat::kInt8);
  const std::size_t row_bytes = stored.bytes.size() / c.n_rows;
  const std::size_t start = width % 4 * 3;
  const DeviceRows rows(device, std::span<const float>(x), width, c.dim % 2);
  const TestPlaces places(device, start, c.n_rows, std::size_t{4} << width % 3);
  const DeviceTensor<std::byte> cache(device, places.n_cache_rows() * row_bytes);
  run_on(device, [&](CommandBuffer& commands) {
    ops::kv_append(commands, rows.rows(), cache.view(), places.places(), static_cast<std::int64_t>(c.n_rows),
                   {.n_vectors = static_cast<std::int64_t>(c.n_vectors),
                    .dim = static_cast<std::int64_t>(c.dim),
                    .tail_dim = static_cast<std::int64_t>(c.tail_dim)},
                   abi::MatrixFormat::kInt8);
  });
  std::vector<std::byte> expected(cache.size(), std::byte{0xFF});  // other positions untouched
  for (std::size_t row = 0; row < c.n_rows; ++row) {
    std::copy_n(stored.bytes.begin() + static_cast<std::ptrdiff_t>(row * row_bytes), row_bytes,
                expected.begin() + static_cast<std::ptrdiff_t>(places.cache_row(start + row) * row_bytes));
  }
  ASSERT_EQ(cache.values(), expected) << what
                                      << fmt::format(": {} rows of {} vectors of {}, tail {}", c.n_rows, c.n_vectors,
                                                     c.dim, c.tail_dim);
}

}  // namespace

void check_int8_kv_append(Device& device) {
  for (const std::size_t dim : kWidths) {
    for (std::size_t variant = 0; variant < kVariants; ++variant) {
      const std::size_t n_rows = kRowCounts[(dim + variant) % std::size(kRowCounts)];
      const std::size_t tail_dim = variant % 2 == 0 ? 0 : dim / (variant + 1);
      const Int8Case c{n_rows, 1 + (dim + variant) % 3, dim, tail_dim};
      const std::vector<float> x = hostile_or_normal(variant, n_rows * c.n_vectors * dim, dim, Element::kF32);
      check_int8_append(device, c, x, fmt::format("variant {}", variant));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

void check_int8_kv_append_of_hostile_groups(Device& device) {
  // of a group whose scale is 1, halfway between numbers, where rounding must go to even
  std::vector<float> x = {127.0F, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F, 126.5F, -126.5F, 0.49999997F, -0.0F};
  check_int8_append(device, {1, 1, x.size(), 0}, x, "halfway");
  // at the limit under which a group is zeros, and at those of float32
  for (const float v :
       {1e-30F, 0.99999994e-30F, std::numeric_limits<float>::min(), std::numeric_limits<float>::max()}) {
    check_int8_append(device, {1, 1, 3, 0}, {v / 3, v, -v}, fmt::format("up to {}", v));
  }
  // what is not finite spoils its group, and no other
  for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t at : {0U, 63U, 64U, 129U, 150U}) {
      std::vector<float> row = normal_tensor(160, at);
      row[at] = wrong;
      check_int8_append(device, {1, 1, row.size(), 30}, row, fmt::format("{} at {}", wrong, at));
    }
  }
}

}  // namespace marlin::test
