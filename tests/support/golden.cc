// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/half.h"
#include "tests/support/near_norm.h"
#include "tests/support/reference/ops.h"

namespace marlin::test {
namespace {

using marlin::reference::log_softmax;

std::size_t check_positions(std::span<const double> reference, std::span<const double> logits, std::size_t n_vocab) {
  MARLIN_CHECK(n_vocab > 0 && reference.size() == logits.size() && reference.size() % n_vocab == 0);
  MARLIN_CHECK(!reference.empty());
  return reference.size() / n_vocab;
}

bool has_nan(std::span<const double> values) {
  return std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
}

std::size_t argmax(std::span<const double> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

double kl_of_position(std::span<const double> reference, std::span<const double> logits) {
  if (has_nan(logits)) return std::numeric_limits<double>::infinity();
  const std::vector<double> p = log_softmax({reference.begin(), reference.end()}, reference.size());
  const std::vector<double> q = log_softmax({logits.begin(), logits.end()}, logits.size());
  double kl = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double share = std::exp(p[i]);
    if (share > 0) kl += share * (p[i] - q[i]);  // the limit of p log p at 0
  }
  return std::isnan(kl) ? std::numeric_limits<double>::infinity() : kl;
}

template <typename Stored, typename Result, typename Convert>
std::vector<Result> convert(const TensorView& tensor, Convert to_result) {
  std::vector<Result> values(tensor.bytes / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, tensor.data + i * sizeof(Stored), sizeof(Stored));
    values[i] = static_cast<Result>(to_result(stored));
  }
  return values;
}

template <typename Result>
std::vector<Result> convert_integers(const TensorView& tensor) {
  const auto same = [](auto value) { return value; };
  switch (tensor.dtype) {
    case DType::kU8:
      return convert<std::uint8_t, Result>(tensor, same);
    case DType::kU16:
      return convert<std::uint16_t, Result>(tensor, same);
    case DType::kI16:
      return convert<std::int16_t, Result>(tensor, same);
    case DType::kU32:
      return convert<std::uint32_t, Result>(tensor, same);
    case DType::kI32:
      return convert<std::int32_t, Result>(tensor, same);
    case DType::kI64:
      return convert<std::int64_t, Result>(tensor, same);
    default:
      fail(ErrorCode::kUnsupported, "golden tensor '{}' has type {}, which cannot be read so", tensor.name,
           dtype_name(tensor.dtype));
  }
}

}  // namespace

std::vector<double> kl_per_position(std::span<const double> reference, std::span<const double> logits,
                                    std::size_t n_vocab) {
  std::vector<double> result(check_positions(reference, logits, n_vocab));
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = kl_of_position(reference.subspan(i * n_vocab, n_vocab), logits.subspan(i * n_vocab, n_vocab));
  }
  return result;
}

double mean(std::span<const double> values) {
  MARLIN_CHECK(!values.empty());
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double median(std::span<const double> values) {
  MARLIN_CHECK(!values.empty() && !has_nan(values));
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double kl_divergence(std::span<const double> reference, std::span<const double> logits, std::size_t n_vocab) {
  return mean(kl_per_position(reference, logits, n_vocab));
}

double argmax_agreement(std::span<const double> reference, std::span<const double> logits, std::size_t n_vocab) {
  const std::size_t n_positions = check_positions(reference, logits, n_vocab);
  std::size_t agreeing = 0;
  for (std::size_t i = 0; i < n_positions; ++i) {
    const auto actual = logits.subspan(i * n_vocab, n_vocab);
    if (!has_nan(actual) && argmax(actual) == argmax(reference.subspan(i * n_vocab, n_vocab))) ++agreeing;
  }
  return static_cast<double>(agreeing) / static_cast<double>(n_positions);
}

double max_error_over_rms(std::span<const double> reference, std::span<const double> logits) {
  return norm_error(logits, reference).error;
}

GoldenFile::GoldenFile(const std::filesystem::path& path) : file_(SafetensorsFile::open(path)) {}

bool GoldenFile::contains(std::string_view name) const { return file_.find(name) != nullptr; }

const TensorView& GoldenFile::tensor(std::string_view name) const {
  const TensorView* found = file_.find(name);
  if (found == nullptr) {
    fail(ErrorCode::kNotFound, "golden file '{}' has no tensor '{}'", file_.file().path().string(), name);
  }
  return *found;
}

std::vector<std::int64_t> GoldenFile::shape(std::string_view name) const { return tensor(name).shape; }

std::vector<double> GoldenFile::values(std::string_view name) const {
  const TensorView& view = tensor(name);
  switch (view.dtype) {
    case DType::kF64:
      return convert<double, double>(view, [](double value) { return value; });
    case DType::kF32:
      return convert<float, double>(view, [](float value) { return value; });
    case DType::kF16:
      return convert<std::uint16_t, double>(view, half_to_float);
    case DType::kBF16:
      return convert<std::uint16_t, double>(view, bfloat16_to_float);
    default:
      return convert_integers<double>(view);
  }
}

std::vector<std::int64_t> GoldenFile::integers(std::string_view name) const {
  return convert_integers<std::int64_t>(tensor(name));
}

}  // namespace marlin::test
