// SPDX-License-Identifier: Apache-2.0
// Binding weights: what comes out for good tensors, and that everything else is refused by name.
#include "model/weights.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "backends/registry.h"
#include "ops/kernel_variant.h"
#include "ops/linear.h"
#include "tests/model/memory_tensors.h"
#include "tests/ops/device_tensor.h"
#include "tests/support/error_of.h"
#include "tests/support/exl3_layer.h"
#include "tests/support/near_norm.h"
#include "tests/support/random_tensor.h"
#include "tests/support/reference/ops.h"
#include "trellis/layer.h"

namespace marlin {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Of outputs of a layer multiplied in integers (DeviceInfo::mul1_in_integers), relative to their RMS.
constexpr double kIntegerTolerance = 2e-4;

class WeightsTest : public ::testing::Test {
 protected:
  /// Adds layer "q": 100 x 200 stored as 128 x 256, 3 bits, mul1.
  void add_exl3() {
    layer_ = test::random_exl3_layer(128, 256, 3, Codebook::kMul1, 1);
    source_.set("q.trellis", DType::kI16, {8, 16, 48}, layer_.trellis);
    source_.set("q.suh", DType::kF16, {128}, layer_.suh);
    source_.set("q.svh", DType::kF16, {256}, layer_.svh);
    source_.set("q.mul1", DType::kI32, {}, std::vector<std::uint32_t>{kMul1Multiplier});
  }

  /// Adds layer "p": 3 x 2, f32.
  void add_plain() { source_.set("p.weight", DType::kF32, {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}); }

  Weights bind() { return {*device_, source_}; }

  /// The layer as it is bound now, run on `x`.
  std::vector<float> output(const abi::Matrix& matrix, const std::vector<float>& x) {
    const test::DeviceRows in(*device_, std::span<const float>(x), matrix.n_in, 0);
    const test::DeviceRows out(*device_, x.size() / matrix.n_in, matrix.n_out, 0);
    const auto n_rows = static_cast<std::int64_t>(x.size() / matrix.n_in);
    const test::DeviceTensor<float> scratch(*device_,
                                            static_cast<std::size_t>(ops::linear_scratch_floats(matrix, n_rows)));
    test::run_on(*device_, [&](CommandBuffer& commands) {
      ops::linear(commands, matrix, in.rows(), out.rows(), n_rows, scratch.view(), ops::variant_for_batch(n_rows));
    });
    return out.values();
  }

  /// x W for the true 100 x 200 part of `effective`.
  static reference::Tensor product(const std::vector<float>& x, const std::vector<double>& effective) {
    reference::Tensor weight;
    for (std::size_t i = 0; i < 100; ++i) {
      const auto row = effective.begin() + static_cast<std::ptrdiff_t>(i * 256);
      weight.insert(weight.end(), row, row + 200);
    }
    return reference::matmul(test::to_doubles(x), weight, 100, 200);
  }

  void expect_refused(ErrorCode code, const std::vector<std::string>& parts, const std::string& name = "q",
                      std::int64_t n_in = 100, std::int64_t n_out = 200) {
    Weights weights = bind();
    expect_error(code, parts, [&] { weights.linear(name, n_in, n_out); });
  }

  template <typename Action>
  static void expect_error(ErrorCode code, const std::vector<std::string>& parts, const Action& action) {
    const Error error = test::error_of(action);
    EXPECT_EQ(error.code(), code) << error.what();
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << "'" << part << "' in: " << error.what();
    }
  }

  // each half NaN or infinite in one place
  static std::vector<std::byte> spoiled(std::vector<std::byte> halves, std::size_t index, std::uint16_t bits) {
    std::memcpy(halves.data() + 2 * index, &bits, 2);
    return halves;
  }

  std::unique_ptr<Device> device_ = create_device("auto", {.n_threads = 2});
  test::MemoryTensors source_;
  test::Exl3Layer layer_;
};

TEST_F(WeightsTest, BindsAPlainMatrixInPlace) {
  add_plain();
  Weights weights = bind();
  const abi::Matrix matrix = weights.linear("p", 3, 2);
  EXPECT_EQ(matrix.format, abi::MatrixFormat::kF32);
  EXPECT_EQ(matrix.bias, 0U);
  EXPECT_EQ(output(matrix, {1, 10, 100}), (std::vector<float>{321, 654}));
  if (device_->info().unified_memory) {
    EXPECT_EQ(matrix.weights, std::bit_cast<std::uint64_t>(source_.find("p.weight")->data));
  }
  EXPECT_EQ(weights.stored_bytes(), 0U) << "nothing was copied";
  EXPECT_TRUE(weights.has_linear("p"));
  EXPECT_FALSE(weights.has_linear("q"));
}

TEST_F(WeightsTest, BindsEveryPlainType) {
  const std::vector<float> values = {1, -2, 0.5, 4, 5, -6};
  source_.set("h.weight", DType::kF16, {2, 3}, test::to_halves(values));
  source_.set("b.weight", DType::kBF16, {2, 3}, test::to_bfloat16s(values));
  Weights weights = bind();
  EXPECT_EQ(output(weights.linear("h", 3, 2), {1, 1, 2}), (std::vector<float>{0, -3}));
  EXPECT_EQ(output(weights.linear("b", 3, 2), {1, 1, 2}), (std::vector<float>{0, -3}));
}

TEST_F(WeightsTest, BindsAPaddedExl3Layer) {
  add_exl3();
  Weights weights = bind();
  const abi::Matrix matrix = weights.linear("q", 100, 200);
  EXPECT_EQ(matrix.format, abi::MatrixFormat::kExl3);
  EXPECT_EQ(matrix.bits, 3U);
  EXPECT_EQ(matrix.n_in, 100U);
  EXPECT_EQ(matrix.n_out, 200U);
  EXPECT_EQ(matrix.stored_in, 128U);
  EXPECT_EQ(matrix.stored_out, 256U);
  const std::vector<float> x = test::normal_tensor(3 * 100, 7);
  test::expect_near_norm(std::span<const float>(output(matrix, x)),
                         product(x, test::unrounded_effective_weight(layer_.view())), kIntegerTolerance, "bound layer");
  EXPECT_TRUE(weights.has_linear("q"));
}

TEST_F(WeightsTest, TakesTheCodebookFromTheMarker) {
  for (const Codebook codebook : {Codebook::k3Inst, Codebook::kMcg, Codebook::kMul1}) {
    add_exl3();
    source_.erase("q.mul1");
    if (codebook == Codebook::kMul1) {
      source_.set("q.mul1", DType::kI32, {}, std::vector<std::uint32_t>{kMul1Multiplier});
    } else if (codebook == Codebook::kMcg) {
      source_.set("q.mcg", DType::kI32, {}, std::vector<std::uint32_t>{kMcgMultiplier});
    }
    EXPECT_EQ(bind().linear("q", 100, 200).codebook, static_cast<abi::TrellisCodebook>(codebook));
    source_.erase("q.mcg");
  }
}

TEST_F(WeightsTest, BiasesMayBePadded) {
  add_exl3();
  for (const std::int64_t length : {200, 256}) {
    const std::vector<float> bias = test::normal_tensor(static_cast<std::size_t>(length), 3, 1.0, test::Element::kF16);
    source_.set("q.bias", DType::kF16, {length}, test::to_halves(bias));
    Weights weights = bind();
    const std::vector<float> y = output(weights.linear("q", 100, 200), std::vector<float>(100, 0.0F));
    EXPECT_EQ(y, std::vector<float>(bias.begin(), bias.begin() + 200));
  }
  source_.set("q.bias", DType::kF16, {128}, std::vector<std::uint16_t>(128));
  expect_refused(ErrorCode::kBadFile, {"'q.bias'", "128", "200"});
  source_.set("q.bias", DType::kF16, {1, 200}, std::vector<std::uint16_t>(200));
  expect_refused(ErrorCode::kBadFile, {"'q.bias'", "1, 200"});
  source_.set("q.bias", DType::kF32, {200}, std::vector<float>(200, kNan));
  expect_refused(ErrorCode::kBadFile, {"'q.bias'", "nan"});
}

// Files of the first days have sign masks instead of scales.
TEST_F(WeightsTest, SignMasksStandForScales) {
  add_exl3();
  source_.erase("q.suh");
  source_.erase("q.svh");
  const std::vector<std::byte> su = test::Random(5).bytes(16);
  const std::vector<std::byte> sv = test::Random(6).bytes(32);
  source_.set("q.su", DType::kI16, {8}, su);
  source_.set("q.sv", DType::kI16, {16}, sv);
  test::Exl3Layer signs = layer_;
  signs.suh = test::to_bytes(expand_sign_mask(su, "su"));
  signs.svh = test::to_bytes(expand_sign_mask(sv, "sv"));
  Weights weights = bind();
  const std::vector<float> x = test::normal_tensor(2 * 100, 8);
  test::expect_near_norm(std::span<const float>(output(weights.linear("q", 100, 200), x)),
                         product(x, test::unrounded_effective_weight(signs.view())), kIntegerTolerance,
                         "layer of sign masks");
  EXPECT_EQ(weights.stored_bytes(), 2U * (128 + 256));
}

TEST_F(WeightsTest, ExpandsAnExl3LayerForKernelsThatNeedRows) {
  add_exl3();
  Weights weights = bind();
  const abi::Matrix matrix = weights.plain_linear("q", 100, 200);
  EXPECT_EQ(matrix.format, abi::MatrixFormat::kF32);
  EXPECT_EQ(matrix.stored_in, 100U);
  const std::vector<float> x = test::normal_tensor(100, 9);
  test::expect_near_norm(std::span<const float>(output(matrix, x)), product(x, layer_.weight), 1e-5, "expanded layer");
  add_plain();
  Weights others = bind();
  EXPECT_EQ(output(others.plain_linear("p", 3, 2), {1, 10, 100}), (std::vector<float>{321, 654}));
}

TEST_F(WeightsTest, ConvertsVectorsOfAnyFloatType) {
  const std::vector<float> values = {1, -2.5, 0, 1024};
  source_.set("f", DType::kF32, {4}, values);
  source_.set("h", DType::kF16, {4}, test::to_halves(values));
  source_.set("b", DType::kBF16, {4}, test::to_bfloat16s(values));
  Weights weights = bind();
  for (const char* name : {"f", "h", "b"}) {
    const BufferView view = weights.floats(name, 4);
    ASSERT_EQ(view.bytes, 16U);
    std::vector<std::byte> room;
    const auto* stored = reinterpret_cast<const float*>(device_->read(view, room).data());
    EXPECT_EQ(std::vector<float>(stored, stored + 4), values) << name;
    EXPECT_EQ(view.device_address() % 64, 0U) << "kernels read these as aligned floats";
  }
  EXPECT_EQ(weights.stored_bytes(), 48U);
}

TEST_F(WeightsTest, StoresSmallAndLarge) {
  Weights weights = bind();
  std::vector<BufferView> views;
  const std::vector<std::size_t> sizes = {1, 1000000, 100000, 3 << 20, 64, 0, 1 << 20, 5};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    views.push_back(weights.store(std::vector<std::byte>(sizes[i], static_cast<std::byte>(i + 1))));
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {  // after all were stored: none overlaps another
    ASSERT_EQ(views[i].bytes, sizes[i]);
    std::vector<std::byte> room;
    const std::span<const std::byte> stored = device_->read(views[i], room);
    for (std::size_t at = 0; at < sizes[i]; at += 997) ASSERT_EQ(stored[at], std::byte(i + 1));
  }
}

TEST_F(WeightsTest, RefusesWhatIsMissing) {
  expect_refused(ErrorCode::kNotFound, {"tensors in memory", "'q.weight'", "'q.trellis'"});
  Weights nothing = bind();
  expect_error(ErrorCode::kNotFound, {"tensors in memory", "'norm.weight'"}, [&] { nothing.floats("norm.weight", 4); });
  for (const auto& [absent, sign] : {std::pair("suh", "su"), std::pair("svh", "sv")}) {
    add_exl3();
    source_.erase(fmt::format("q.{}", absent));
    expect_refused(ErrorCode::kNotFound, {fmt::format("'q.{}'", absent), fmt::format("'q.{}'", sign)});
    Weights weights = bind();
    expect_error(ErrorCode::kNotFound, {fmt::format("'q.{}'", absent)}, [&] { weights.plain_linear("q", 100, 200); });
  }
}

TEST_F(WeightsTest, RefusesPlainMatricesOfAnotherShapeOrType) {
  add_plain();
  expect_refused(ErrorCode::kBadFile, {"'p.weight'", "[2, 3]", "[3, 2]"}, "p", 2, 3);  // transposed
  source_.set("p.weight", DType::kF32, {6}, std::vector<float>(6));
  expect_refused(ErrorCode::kBadFile, {"'p.weight'", "[6]"}, "p", 3, 2);
  source_.set("p.weight", DType::kF32, {1, 2, 3}, std::vector<float>(6));
  expect_refused(ErrorCode::kBadFile, {"'p.weight'", "[1, 2, 3]"}, "p", 3, 2);
  source_.set("p.weight", DType::kF32, {}, std::vector<float>(1));
  expect_refused(ErrorCode::kBadFile, {"'p.weight'", "[]"}, "p", 3, 2);
  for (const DType dtype : {DType::kF64, DType::kI32, DType::kF8E4M3, DType::kI16, DType::kBool}) {
    source_.set("p.weight", dtype, {2, 3}, std::vector<double>(6));
    expect_refused(ErrorCode::kUnsupported, {"'p.weight'", std::string(dtype_name(dtype))}, "p", 3, 2);
  }
}

TEST_F(WeightsTest, RefusesVectorsThatAreNotFiniteNumbers) {
  for (const float bad : {kNan, kInfinity, -kInfinity}) {
    const std::vector<float> values = {1, 1, bad, 1};
    source_.set("norm.weight", DType::kF32, {4}, values);
    Weights f32 = bind();
    expect_error(ErrorCode::kBadFile, {"'norm.weight'", "index 2"}, [&] { f32.floats("norm.weight", 4); });
    source_.set("norm.weight", DType::kF16, {4}, test::to_halves(values));
    Weights f16 = bind();
    expect_error(ErrorCode::kBadFile, {"'norm.weight'", "index 2"}, [&] { f16.floats("norm.weight", 4); });
    source_.set("norm.weight", DType::kBF16, {4}, test::to_bfloat16s(values));
    Weights bf16 = bind();
    expect_error(ErrorCode::kBadFile, {"'norm.weight'", "index 2"}, [&] { bf16.floats("norm.weight", 4); });
  }
  source_.set("norm.weight", DType::kF32, {4}, std::vector<float>(4));
  Weights weights = bind();
  expect_error(ErrorCode::kBadFile, {"'norm.weight'", "[4]", "[5]"}, [&] { weights.floats("norm.weight", 5); });
  source_.set("norm.weight", DType::kI64, {4}, std::vector<std::int64_t>(4));
  Weights integers = bind();
  expect_error(ErrorCode::kBadFile, {"'norm.weight'", "I64"}, [&] { integers.floats("norm.weight", 4); });
}

TEST_F(WeightsTest, RefusesScalesThatAreNotFiniteNumbers) {
  for (const std::uint16_t bits : std::to_array<std::uint16_t>({0x7E00, 0x7C00, 0xFC00, 0x7C01})) {
    add_exl3();
    source_.set("q.suh", DType::kF16, {128}, spoiled(layer_.suh, 127, bits));
    expect_refused(ErrorCode::kBadFile, {"'q'", "suh", "127"});
    add_exl3();
    source_.set("q.svh", DType::kF16, {256}, spoiled(layer_.svh, 0, bits));
    expect_refused(ErrorCode::kBadFile, {"'q'", "svh", "0"});
    Weights weights = bind();
    expect_error(ErrorCode::kBadFile, {"'q'", "svh"}, [&] { weights.plain_linear("q", 100, 200); });
  }
}

TEST_F(WeightsTest, RefusesScalesOfAnotherShapeOrType) {
  add_exl3();
  source_.set("q.suh", DType::kF16, {127}, layer_.suh);
  expect_refused(ErrorCode::kBadFile, {"'q.suh'", "[127]", "[128]"});
  source_.set("q.suh", DType::kF16, {128, 1}, layer_.suh);
  expect_refused(ErrorCode::kBadFile, {"'q.suh'", "[128, 1]"});
  for (const DType dtype : {DType::kBF16, DType::kF32, DType::kI16}) {
    source_.set("q.suh", dtype, {128}, layer_.suh);
    expect_refused(ErrorCode::kBadFile, {"'q.suh'", std::string(dtype_name(dtype)), "F16"});
  }
  source_.erase("q.suh");
  source_.set("q.su", DType::kI16, {7}, layer_.suh);
  expect_refused(ErrorCode::kBadFile, {"'q.su'", "[7]", "[8]"});
  for (const DType dtype : {DType::kU8, DType::kF16, DType::kI32}) {
    source_.set("q.su", dtype, {8}, layer_.suh);
    expect_refused(ErrorCode::kBadFile, {"'q.su'", std::string(dtype_name(dtype))});
  }
}

TEST_F(WeightsTest, RefusesUnknownCodebooks) {
  add_exl3();
  source_.set("q.mul1", DType::kI32, {}, std::vector<std::uint32_t>{0x83DCD12C});
  expect_refused(ErrorCode::kUnsupported, {"q.mul1"});
  source_.set("q.mul1", DType::kI64, {}, std::vector<std::uint64_t>{kMul1Multiplier});
  expect_refused(ErrorCode::kBadFile, {"'q.mul1'"});
  source_.set("q.mul1", DType::kI32, {0}, std::vector<std::uint32_t>{});
  expect_refused(ErrorCode::kBadFile, {"'q.mul1'"});
  source_.erase("q.mul1");
  source_.set("q.mcg", DType::kI32, {}, std::vector<std::uint32_t>{kMul1Multiplier});
  expect_refused(ErrorCode::kUnsupported, {"q.mcg"});
}

TEST_F(WeightsTest, RefusesPreReleaseLayers) {
  add_exl3();
  source_.set("q.scale", DType::kF32, {}, std::vector<float>{1});
  expect_refused(ErrorCode::kUnsupported, {"'q.scale'", "quantise"});
}

TEST_F(WeightsTest, RefusesTrellisesOfAnotherShapeOrType) {
  add_exl3();
  expect_refused(ErrorCode::kBadFile, {"'q'", "128 x 256", "129 x 200"}, "q", 129, 200);
  expect_refused(ErrorCode::kBadFile, {"'q'", "128 x 256", "100 x 128"}, "q", 100, 128);
  expect_refused(ErrorCode::kBadFile, {"'q'", "128 x 256", "200 x 100"}, "q", 200, 100);
  const std::vector<std::vector<std::int64_t>> shapes = {{8, 16},     {8, 16, 0},  {8, 16, 144},   {8, 16, 47},
                                                         {0, 16, 48}, {8, 15, 48}, {8, 16, 48, 1}, {}};
  for (const std::vector<std::int64_t>& shape : shapes) {
    source_.set("q.trellis", DType::kI16, shape, layer_.trellis);
    expect_refused(ErrorCode::kBadFile, {"'q'"});
  }
  for (const DType dtype : {DType::kF16, DType::kI32, DType::kU8}) {
    source_.set("q.trellis", dtype, {8, 16, 48}, layer_.trellis);
    expect_refused(ErrorCode::kBadFile, {"'q.trellis'", std::string(dtype_name(dtype)), "I16"});
  }
}

}  // namespace
}  // namespace marlin
