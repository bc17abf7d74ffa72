// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/kernels/dense_block.h"

#include <algorithm>

#include "backends/cpu/kernels/matmul_block.h"
#include "base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/dense_block.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/cpu/kernels/dot_products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

template <abi::MatrixFormat kFormat>
void dense_outputs(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                   std::uint32_t block, float* out) {
  const std::size_t n = matrix.n_in;
  const std::uint32_t first = block * kBlockOutputs;
  const auto* weights = reinterpret_cast<const std::uint8_t*>(matrix.weights) + first * n * kElementBytes<kFormat>;
  multiply_dense<kFormat>(x, x_stride, n_rows, weights, std::min(kBlockOutputs, matrix.n_out - first), n, out,
                          kBlockOutputs);
}

void dense_block_target(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                        std::uint32_t block, float* out) {
  switch (matrix.format) {
    case abi::MatrixFormat::kF32:
      return dense_outputs<abi::MatrixFormat::kF32>(matrix, x, x_stride, n_rows, block, out);
    case abi::MatrixFormat::kF16:
      return dense_outputs<abi::MatrixFormat::kF16>(matrix, x, x_stride, n_rows, block, out);
    case abi::MatrixFormat::kBf16:
      return dense_outputs<abi::MatrixFormat::kBf16>(matrix, x, x_stride, n_rows, block, out);
    case abi::MatrixFormat::kExl3:
    case abi::MatrixFormat::kInt8:
      break;
  }
  fail(ErrorCode::kInternal, "matrix format {} is not dense", static_cast<std::uint32_t>(matrix.format));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin::cpu {

HWY_EXPORT(dense_block_target);

void dense_block(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                 std::uint32_t block, float* out) {
  HWY_DYNAMIC_DISPATCH(dense_block_target)(matrix, x, x_stride, n_rows, block, out);
}

}  // namespace marlin::cpu
#endif
