// SPDX-License-Identifier: Apache-2.0
#include "model/weights.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/half.h"
#include "trellis/layer.h"

namespace marlin {
namespace {

constexpr std::size_t kStoreBytes = std::size_t{1} << 20;  // small vectors share buffers of this size
constexpr std::size_t kStoreAlignment = 64;

std::int64_t round_up(std::int64_t n, std::int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

std::optional<abi::MatrixFormat> plain_format(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return abi::MatrixFormat::kF32;
    case DType::kF16:
      return abi::MatrixFormat::kF16;
    case DType::kBF16:
      return abi::MatrixFormat::kBf16;
    default:
      return std::nullopt;
  }
}

float element(const TensorView& tensor, std::size_t index) {
  if (tensor.dtype == DType::kF32) {
    float value = 0;
    std::memcpy(&value, tensor.data + 4 * index, sizeof(value));
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, tensor.data + 2 * index, sizeof(bits));
  return tensor.dtype == DType::kF16 ? half_to_float(bits) : bfloat16_to_float(bits);
}

void check_shape(const TensorView& tensor, std::span<const std::int64_t> expected) {
  if (!std::equal(tensor.shape.begin(), tensor.shape.end(), expected.begin(), expected.end())) {
    fail(ErrorCode::kBadFile, "tensor '{}' has shape [{}], config.json asks for [{}]", tensor.name,
         fmt::join(tensor.shape, ", "), fmt::join(expected, ", "));
  }
}

void check_dtype(const TensorView& tensor, DType expected) {
  if (tensor.dtype != expected) {
    fail(ErrorCode::kBadFile, "tensor '{}' has type {}, expected {}", tensor.name, dtype_name(tensor.dtype),
         dtype_name(expected));
  }
}

std::uint32_t marker_value(const TensorView& marker) {
  if (marker.bytes != sizeof(std::uint32_t)) {
    fail(ErrorCode::kBadFile, "codebook marker '{}' is not one 32-bit number", marker.name);
  }
  std::uint32_t value = 0;
  std::memcpy(&value, marker.data, sizeof(value));
  return value;
}

Codebook layer_codebook(const TensorSource& source, const std::string& name) {
  for (const Codebook codebook : {Codebook::kMul1, Codebook::kMcg}) {
    if (const TensorView* marker = source.find(fmt::format("{}.{}", name, codebook_name(codebook)))) {
      check_codebook_marker(codebook, marker_value(*marker), marker->name);
      return codebook;
    }
  }
  return Codebook::k3Inst;
}

}  // namespace

Weights::Weights(Device& device, const TensorSource& source) : device_(device), source_(source) {
  for (const auto memory : source.regions()) regions_.push_back({memory, device.wrap(memory, source.name())});
}

abi::Matrix Weights::linear(const std::string& name, std::int64_t n_in, std::int64_t n_out) {
  const TensorView* trellis = source_.find(name + ".trellis");
  return trellis != nullptr ? exl3(name, *trellis, n_in, n_out) : plain(name, n_in, n_out);
}

abi::Matrix Weights::plain_linear(const std::string& name, std::int64_t n_in, std::int64_t n_out) {
  const TensorView* trellis = source_.find(name + ".trellis");
  if (trellis == nullptr) return plain(name, n_in, n_out);
  exl3(name, *trellis, n_in, n_out);  // for its checks
  const Exl3Shape shape = exl3_shape(trellis->shape, name);
  const auto scales = [&](std::string_view scale, std::string_view signs, std::int64_t n) {
    std::span<const std::byte> host;
    scale_address(name, scale, signs, n, host);
    return host;
  };
  const std::vector<double> effective = effective_weight({.name = name,
                                                          .shape = shape,
                                                          .codebook = layer_codebook(source_, name),
                                                          .trellis = trellis->span(),
                                                          .suh = scales("suh", "su", shape.in),
                                                          .svh = scales("svh", "sv", shape.out)});
  std::vector<float> rows(static_cast<std::size_t>(n_in * n_out));
  for (std::int64_t out = 0; out < n_out; ++out) {
    for (std::int64_t in = 0; in < n_in; ++in) {
      rows[static_cast<std::size_t>(out * n_in + in)] =
          static_cast<float>(effective[static_cast<std::size_t>(in * shape.out + out)]);
    }
  }
  abi::Matrix matrix{};
  matrix.weights = store(std::as_bytes(std::span(rows))).device_address();
  matrix.n_in = matrix.stored_in = static_cast<std::uint32_t>(n_in);
  matrix.n_out = matrix.stored_out = static_cast<std::uint32_t>(n_out);
  matrix.format = abi::MatrixFormat::kF32;
  return matrix;
}

abi::Matrix Weights::exl3(const std::string& name, const TensorView& trellis, std::int64_t n_in, std::int64_t n_out) {
  if (trellis.dtype != DType::kI16 && trellis.dtype != DType::kU16) check_dtype(trellis, DType::kI16);
  if (has(name + ".scale")) {
    fail(ErrorCode::kUnsupported, "'{}.scale' marks a pre-release EXL3 layer; quantise the model again", name);
  }
  const Exl3Shape shape = exl3_shape(trellis.shape, name);
  if (shape.in != round_up(n_in, kLayerAlignment) || shape.out != round_up(n_out, kLayerAlignment)) {
    fail(ErrorCode::kBadFile, "EXL3 layer '{}' is {} x {}, config.json asks for {} x {} (padded to multiples of 128)",
         name, shape.in, shape.out, n_in, n_out);
  }
  const Codebook codebook = layer_codebook(source_, name);
  std::span<const std::byte> suh;
  std::span<const std::byte> svh;
  abi::Matrix matrix{};
  matrix.weights = address_of(trellis);
  matrix.input_scale = scale_address(name, "suh", "su", shape.in, suh);
  matrix.output_scale = scale_address(name, "svh", "sv", shape.out, svh);
  check_layer({.name = name, .shape = shape, .codebook = codebook, .trellis = trellis.span(), .suh = suh, .svh = svh});
  matrix.bias = bias_address(name, n_out, shape.out);
  matrix.n_in = static_cast<std::uint32_t>(n_in);
  matrix.n_out = static_cast<std::uint32_t>(n_out);
  matrix.stored_in = static_cast<std::uint32_t>(shape.in);
  matrix.stored_out = static_cast<std::uint32_t>(shape.out);
  matrix.format = abi::MatrixFormat::kExl3;
  matrix.bits = static_cast<std::uint32_t>(shape.bits);
  matrix.codebook = static_cast<abi::TrellisCodebook>(codebook);
  return matrix;
}

abi::Matrix Weights::plain(const std::string& name, std::int64_t n_in, std::int64_t n_out) {
  const TensorView* weight = source_.find(name + ".weight");
  if (weight == nullptr) {
    fail(ErrorCode::kNotFound, "{} has neither tensor '{}.weight' nor '{}.trellis'; the checkpoint is incomplete",
         source_.name(), name, name);
  }
  check_shape(*weight, std::array{n_out, n_in});
  const auto format = plain_format(weight->dtype);
  if (!format) {
    fail(ErrorCode::kUnsupported, "tensor '{}' has type {}; weights must be EXL3, F32, F16 or BF16", weight->name,
         dtype_name(weight->dtype));
  }
  abi::Matrix matrix{};
  matrix.weights = address_of(*weight);
  matrix.bias = bias_address(name, n_out, n_out);
  matrix.n_in = matrix.stored_in = static_cast<std::uint32_t>(n_in);
  matrix.n_out = matrix.stored_out = static_cast<std::uint32_t>(n_out);
  matrix.format = *format;
  return matrix;
}

std::uint64_t Weights::scale_address(const std::string& name, std::string_view scales, std::string_view signs,
                                     std::int64_t n, std::span<const std::byte>& host) {
  if (const TensorView* scale = source_.find(fmt::format("{}.{}", name, scales))) {
    check_dtype(*scale, DType::kF16);
    check_shape(*scale, std::array{n});
    host = scale->span();
    return address_of(*scale);
  }
  const std::string mask_name = fmt::format("{}.{}", name, signs);
  const TensorView* mask = source_.find(mask_name);
  if (mask == nullptr) {
    fail(ErrorCode::kNotFound, "{} has neither tensor '{}.{}' nor '{}'; the checkpoint is incomplete", source_.name(),
         name, scales, mask_name);
  }
  if (mask->dtype != DType::kU16) check_dtype(*mask, DType::kI16);
  check_shape(*mask, std::array{n / 16});
  host = std::as_bytes(std::span(expanded_signs_.emplace_back(expand_sign_mask(mask->span(), mask_name))));
  return store(host).device_address();
}

std::uint64_t Weights::bias_address(const std::string& name, std::int64_t n_out, std::int64_t stored_out) {
  const TensorView* bias = source_.find(name + ".bias");
  if (bias == nullptr) return 0;
  const bool padded = bias->shape.size() == 1 && bias->shape[0] == stored_out;
  return floats(bias->name, padded ? stored_out : n_out).device_address();
}

BufferView Weights::floats(const std::string& name, std::int64_t n) {
  const TensorView& tensor = require(name);
  check_shape(tensor, std::array{n});
  if (!plain_format(tensor.dtype)) check_dtype(tensor, DType::kF32);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = element(tensor, i);
    if (!std::isfinite(values[i])) {
      fail(ErrorCode::kBadFile, "tensor '{}' holds {} at index {}", name, values[i], i);
    }
  }
  return store(std::as_bytes(std::span(values)));
}

const TensorView& Weights::require(const std::string& name) const {
  const TensorView* tensor = source_.find(name);
  if (tensor == nullptr) {
    fail(ErrorCode::kNotFound, "{} has no tensor '{}'; the checkpoint is incomplete", source_.name(), name);
  }
  return *tensor;
}

std::uint64_t Weights::address_of(const TensorView& tensor) const {
  for (const Region& region : regions_) {
    const std::byte* begin = region.memory.data();
    if (std::less_equal<>()(begin, tensor.data) && std::less<>()(tensor.data, begin + region.memory.size())) {
      return region.buffer->device_address() + static_cast<std::uint64_t>(tensor.data - begin);
    }
  }
  fail(ErrorCode::kInternal, "tensor '{}' lies in no region of its source", tensor.name);
}

BufferView Weights::store(std::span<const std::byte> bytes) {
  const std::size_t begin = (stored_used_ + kStoreAlignment - 1) / kStoreAlignment * kStoreAlignment;
  if (stored_.empty() || begin + bytes.size() > stored_.back()->size_bytes()) {
    stored_.push_back(device_.allocate(std::max(kStoreBytes, bytes.size()), "converted weights", Visibility::kDevice));
    stored_used_ = 0;
    return store(bytes);
  }
  stored_used_ = begin + bytes.size();
  stored_bytes_ += bytes.size();
  const BufferView view{stored_.back().get(), begin, bytes.size()};
  device_.upload(view, bytes);
  return view;
}

}  // namespace marlin
