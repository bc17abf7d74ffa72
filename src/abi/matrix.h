// SPDX-License-Identifier: Apache-2.0
// A weight matrix y = x W as kernels see it, of any storage format: device addresses and true and stored sizes. Kernels
// that work on many matrices in one launch (experts) read tables of it from device memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace marlin::abi {

enum class MatrixFormat : std::uint32_t {
  kF32 = 0,   ///< rows of outputs: [n_out][n_in]
  kF16 = 1,   ///< the same
  kBf16 = 2,  ///< the same
  kExl3 = 3,  ///< trellis tiles [stored_in / 16][stored_out / 16][32 * bits bytes], see src/trellis
  kInt8 = 4,  ///< never of a matrix, only of a key-value cache: abi/cache_vector.h
};

/// Value as marlin::Codebook.
enum class TrellisCodebook : std::uint32_t { k3Inst = 0, kMcg = 1, kMul1 = 2 };

/// Addresses may have any alignment: published files place tensors at odd offsets.
struct Matrix {
  std::uint64_t weights;       // rows or tiles
  std::uint64_t input_scale;   // exl3: suh, f16 [stored_in]
  std::uint64_t output_scale;  // exl3: svh, f16 [stored_out]
  std::uint64_t bias;          // f32 [n_out], or 0
  std::uint32_t n_in;
  std::uint32_t n_out;
  std::uint32_t stored_in;   // exl3: padded to a multiple of 128; else n_in
  std::uint32_t stored_out;  // exl3: padded to a multiple of 128; else n_out
  MatrixFormat format;
  std::uint32_t bits;  // exl3: 1..8
  TrellisCodebook codebook;
  std::uint32_t reserved;
};

/// What the code of a kernel can be made for, in one number: format, bits, codebook, and whether words of the weights
/// may be loaded as such.
enum : std::uint32_t { kAnyEncoding = 0xFFFFFFFFU };
constexpr std::uint32_t matrix_encoding(MatrixFormat format, std::uint32_t bits, TrellisCodebook codebook,
                                        std::uint64_t weights) {
  const std::uint32_t common = static_cast<std::uint32_t>(format) | (weights % 4 == 0 ? 1U << 24 : 0U);
  return format != MatrixFormat::kExl3 ? common : common | bits << 8 | static_cast<std::uint32_t>(codebook) << 16;
}

#if !defined(__METAL_VERSION__)  // for the host: MSL has no reference without an address space
/// Bytes of the weights themselves, scales and bias apart.
constexpr std::uint64_t weight_bytes(const Matrix& matrix) {
  const std::uint64_t n = std::uint64_t{matrix.stored_in} * matrix.stored_out;
  if (matrix.format == MatrixFormat::kExl3) return n * matrix.bits / 8;
  return n * (matrix.format == MatrixFormat::kF32 ? 4 : 2);
}

constexpr std::uint32_t matrix_encoding(const Matrix& matrix) {
  return matrix_encoding(matrix.format, matrix.bits, matrix.codebook, matrix.weights);
}
#endif

static_assert(sizeof(Matrix) == 64 && offsetof(Matrix, n_in) == 32 && offsetof(Matrix, codebook) == 56);

}  // namespace marlin::abi
