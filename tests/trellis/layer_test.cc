// SPDX-License-Identifier: Apache-2.0
#include "trellis/layer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/half.h"
#include "metal_marlin/error.h"
#include "tests/support/crc32.h"
#include "tests/support/error_of.h"
#include "tests/support/exl3_layer.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/near_norm.h"
#include "tests/support/random_tensor.h"
#include "tests/support/reference/ops.h"
#include "tests/trellis/published_vectors.h"
#include "trellis/hadamard.h"

namespace marlin {
namespace {

TEST(Layer, DecodesToThePublishedVectors) {
  for (const test::LayerOutputs& expected : test::kLayerOutputs) {
    const std::string what = fmt::format("{} bits, {}", expected.bits, codebook_name(expected.codebook));
    const test::Exl3Layer layer = test::spec_exl3_layer(expected.bits, expected.codebook);
    EXPECT_EQ(test::crc32(decode_layer(layer.view())), expected.inner_crc) << what;
    const std::vector<double> y = reference::matmul(test::spec_exl3_input(expected.bits), layer.weight, 256, 384);
    ASSERT_EQ(y.size(), 384U);
    double squares = 0;
    for (const double v : y) squares += v * v;
    EXPECT_NEAR(std::sqrt(squares / 384), expected.rms, 0.51e-6) << what;
    for (std::size_t i = 0; i < expected.y.size(); ++i) EXPECT_NEAR(y[i], expected.y[i], 0.51e-6) << what << ", " << i;
  }
}

// The layer equation in its other form: transforms on the activations, as kernels run it.
TEST(Layer, EffectiveWeightEqualsTransformedActivations) {
  const test::Exl3Layer layer = test::random_exl3_layer(384, 256, 3, Codebook::kMcg, 11);
  const std::vector<double> x = test::to_doubles(test::normal_tensor(2 * 384, 12));
  const auto scaled = [](std::vector<double> values, const std::vector<std::byte>& scales) {
    const std::size_t n = scales.size() / 2;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const unsigned bits =
          std::to_integer<unsigned>(scales[2 * (i % n)]) + 256 * std::to_integer<unsigned>(scales[2 * (i % n) + 1]);
      values[i] *= half_to_float(static_cast<std::uint16_t>(bits));
    }
    return values;
  };
  const auto transformed = [](std::vector<double> values) {
    hadamard_128(std::span<double>(values));
    for (double& v : values) v *= kRsqrt128;
    return values;
  };
  const std::vector<double> inner = test::halves_to_doubles(decode_layer(layer.view()));
  const std::vector<double> y =
      scaled(transformed(reference::matmul(transformed(scaled(x, layer.suh)), inner, 384, 256)), layer.svh);
  test::expect_near_norm(reference::matmul(x, layer.weight, 384, 256), y, 1e-13, "effective weight");
}

TEST(Layer, ReadsAnyAlignment) {
  const test::Exl3Layer layer = test::random_exl3_layer(128, 128, 5, Codebook::kMul1, 21);
  const test::GuardedBuffer<std::byte> trellis(layer.trellis, 1);
  const test::GuardedBuffer<std::byte> suh(layer.suh, 3);
  const test::GuardedBuffer<std::byte> svh(layer.svh, 5);
  Exl3View view = layer.view();
  view.trellis = trellis.span();
  view.suh = suh.span();
  view.svh = svh.span();
  EXPECT_EQ(effective_weight(view), layer.weight);
}

TEST(Layer, ZeroOutputScalesSilenceTheirChannels) {
  test::Exl3Layer layer = test::random_exl3_layer(128, 128, 2, Codebook::k3Inst, 22);
  std::fill(layer.svh.begin() + 200, layer.svh.end(), std::byte{0});
  const std::vector<double> weight = effective_weight(layer.view());
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (i % 128 >= 100) {
      EXPECT_EQ(weight[i], 0.0);
    } else {
      EXPECT_EQ(weight[i], layer.weight[i]);
    }
  }
}

TEST(Layer, ExpandsSignMasksLowestBitFirst) {
  constexpr std::array<std::byte, 4> kWords = {std::byte{0x01}, std::byte{0x80}, std::byte{0x00}, std::byte{0x02}};
  const std::vector<std::uint16_t> signs = expand_sign_mask(kWords, "x.su");
  ASSERT_EQ(signs.size(), 32U);
  for (std::size_t i = 0; i < signs.size(); ++i) {
    EXPECT_EQ(signs[i], (i == 0 || i == 15 || i == 25) ? 0xBC00 : 0x3C00) << i;
  }
  EXPECT_THROW(expand_sign_mask(std::span(kWords).first(3), "x.su"), Error);
  EXPECT_TRUE(expand_sign_mask({}, "x.su").empty());
}

TEST(Layer, ReadsItsShapeFromTheTrellis) {
  const Exl3Shape shape = exl3_shape(std::array<std::int64_t, 3>{16, 24, 48}, "x");
  EXPECT_EQ(shape.in, 256);
  EXPECT_EQ(shape.out, 384);
  EXPECT_EQ(shape.bits, 3);
  EXPECT_EQ(shape.trellis_bytes(), 16U * 24U * 96U);
}

void expect_bad_file(const auto& action, std::string_view name, std::string_view what) {
  const Error error = test::error_of(action);
  EXPECT_EQ(error.code(), ErrorCode::kBadFile) << what;
  EXPECT_NE(std::string_view(error.what()).find(name), std::string_view::npos) << what << ": " << error.what();
}

TEST(Layer, RefusesLyingShapes) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  const std::vector<std::vector<std::int64_t>> shapes = {{},
                                                         {16, 24},
                                                         {16, 24, 48, 1},
                                                         {0, 24, 48},
                                                         {16, -8, 48},
                                                         {16, 24, 0},
                                                         {16, 24, 47},
                                                         {16, 24, 144},
                                                         {16, 24, -16},
                                                         {15, 24, 48},
                                                         {16, 20, 48},
                                                         {kMost, 24, 48},
                                                         {16, kMost, 48},
                                                         {16, 24, kMost},
                                                         {kLeast, 24, 48},
                                                         {16, kLeast, 48},
                                                         {16, 24, kLeast},
                                                         {16, 24, kLeast + 16}};
  for (const auto& shape : shapes) {
    expect_bad_file([&] { exl3_shape(shape, "layers.7.q_proj"); }, "layers.7.q_proj",
                    fmt::format("({})", fmt::join(shape, ", ")));
  }
}

TEST(Layer, RefusesContradictions) {
  const test::Exl3Layer layer = test::random_exl3_layer(256, 128, 4, Codebook::kMcg, 31);
  const auto refused = [&](std::string_view what, const auto& damage) {
    Exl3View view = layer.view();
    view.name = "layers.7.q_proj";
    damage(view);
    expect_bad_file([&] { check_layer(view); }, "layers.7.q_proj", what);
    expect_bad_file([&] { decode_layer(view); }, "layers.7.q_proj", what);
    expect_bad_file([&] { effective_weight(view); }, "layers.7.q_proj", what);
  };
  EXPECT_NO_THROW(check_layer(layer.view()));
  refused("short trellis", [](Exl3View& v) { v.trellis = v.trellis.first(v.trellis.size() - 1); });
  refused("no trellis", [](Exl3View& v) { v.trellis = {}; });
  refused("other bits", [](Exl3View& v) { v.shape.bits = 3; });
  refused("no bits", [](Exl3View& v) { v.shape.bits = 0; });
  refused("too many bits", [](Exl3View& v) { v.shape.bits = 9; });
  refused("unpadded", [](Exl3View& v) { v.shape.out = 120; });
  refused("empty", [](Exl3View& v) { v.shape.in = 0; });
  refused("negative", [](Exl3View& v) { v.shape.in = -256; });
  refused("enormous", [](Exl3View& v) { v.shape.in = v.shape.out = std::int64_t{1} << 62; });
  refused("transposed", [](Exl3View& v) { std::swap(v.shape.in, v.shape.out); });
  refused("short suh", [](Exl3View& v) { v.suh = v.suh.first(510); });
  refused("no svh", [](Exl3View& v) { v.svh = {}; });
}

TEST(Layer, RefusesScalesThatAreNotFinite) {
  for (const unsigned bits : {0x7C00U, 0xFC00U, 0x7E00U, 0xFFFFU}) {
    for (const bool input_side : {true, false}) {
      test::Exl3Layer layer = test::random_exl3_layer(128, 128, 1, Codebook::kMul1, 41);
      std::vector<std::byte>& scales = input_side ? layer.suh : layer.svh;
      scales[2 * 77] = static_cast<std::byte>(bits & 0xFF);
      scales[2 * 77 + 1] = static_cast<std::byte>(bits >> 8);
      expect_bad_file([&] { check_layer(layer.view()); },
                      input_side ? "scale 77 of tensor suh" : "scale 77 of tensor svh", "scale");
    }
  }
}

TEST(Layer, RefusesAnUnknownCodebook) {
  const test::Exl3Layer layer = test::random_exl3_layer(128, 128, 1, Codebook::kMul1, 51);
  Exl3View view = layer.view();
  view.codebook = static_cast<Codebook>(3);
  EXPECT_EQ(test::error_of([&] { check_layer(view); }).code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace marlin
