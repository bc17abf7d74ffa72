// SPDX-License-Identifier: Apache-2.0
// Matrix instructions and asynchronous copies as kernels call them (include/softcuda/tensor.h). Layouts of fragments as
// src/backends/cuda/kernels/mma.h draws them.
#include "softcuda/tensor.h"

#include <algorithm>
#include <cstring>

#include "cuda_fp16.h"
#include "device/multiprocessor.h"

namespace softcuda {
namespace {

struct Product {
  float* d;
  const std::uint32_t* a;
  const std::uint32_t* b;
};

std::uint16_t low(std::uint32_t pair) { return static_cast<std::uint16_t>(pair); }
std::uint16_t high(std::uint32_t pair) { return static_cast<std::uint16_t>(pair >> 16U); }

float float_of_bfloat16(std::uint16_t bits) { return __uint_as_float(static_cast<std::uint32_t>(bits) << 16U); }

template <float (*kToFloat)(std::uint16_t), std::size_t kRows, std::size_t kColumns>
void to_floats(const std::uint16_t (&bits)[kRows][kColumns], float (&out)[kRows][kColumns]) {
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t j = 0; j < kColumns; ++j) out[i][j] = kToFloat(bits[i][j]);
  }
}

/// d += a b, each element's sum in the order of k.
void multiply(const float (&a)[16][16], const float (&b)[16][8], float (&d)[16][8]) {
  for (std::size_t row = 0; row < 16; ++row) {
    for (std::size_t k = 0; k < 16; ++k) {
      for (std::size_t column = 0; column < 8; ++column) d[row][column] += a[row][k] * b[k][column];
    }
  }
}

template <float (*kToFloat)(std::uint16_t)>
void complete_mma(void* const* lanes, std::uint32_t /*arrived*/) {
  std::uint16_t a_bits[16][16];
  std::uint16_t b_bits[16][8];
  float a[16][16];
  float b[16][8];
  float d[16][8];
  for (std::uint32_t l = 0; l < kWarpSize; ++l) {
    const auto& lane = *static_cast<const Product*>(lanes[l]);
    const std::uint32_t g = l / 4;
    const std::uint32_t m = 2 * (l % 4);
    for (std::uint32_t i = 0; i < 4; ++i) {
      std::memcpy(&a_bits[g + i % 2 * 8][m + i / 2 * 8], &lane.a[i], 4);
      d[g + i / 2 * 8][m + i % 2] = lane.d[i];
    }
    for (std::uint32_t i = 0; i < 2; ++i) {
      b_bits[m + i * 8][g] = low(lane.b[i]);
      b_bits[m + i * 8 + 1][g] = high(lane.b[i]);
    }
  }
  to_floats<kToFloat>(a_bits, a);
  to_floats<kToFloat>(b_bits, b);
  multiply(a, b, d);
  for (std::uint32_t l = 0; l < kWarpSize; ++l) {
    float* const out = static_cast<const Product*>(lanes[l])->d;
    for (std::uint32_t i = 0; i < 4; ++i) out[i] = d[l / 4 + i / 2 * 8][2 * (l % 4) + i % 2];
  }
}

struct MatrixLoad {
  std::uint32_t* r;
  const void* row;
  bool transposed;
};

void complete_load(void* const* lanes, std::uint32_t /*arrived*/) {
  std::uint16_t matrices[4][8][8];
  for (std::uint32_t l = 0; l < kWarpSize; ++l) {
    std::memcpy(matrices[l / 8][l % 8], static_cast<const MatrixLoad*>(lanes[l])->row, 16);
  }
  for (std::uint32_t l = 0; l < kWarpSize; ++l) {
    const auto& lane = *static_cast<const MatrixLoad*>(lanes[l]);
    const std::uint32_t g = l / 4;
    const std::uint32_t m = 2 * (l % 4);
    for (std::uint32_t i = 0; i < 4; ++i) {
      const auto& matrix = matrices[i];
      const std::uint32_t first = lane.transposed ? matrix[m][g] : matrix[g][m];
      const std::uint32_t second = lane.transposed ? matrix[m + 1][g] : matrix[g][m + 1];
      lane.r[i] = first | second << 16U;
    }
  }
}

const WarpFunction kMma{"mma_m16n8k16", true, complete_mma<float_of_half>};
const WarpFunction kMmaBfloat16{"mma_m16n8k16_bf16", true, complete_mma<float_of_bfloat16>};
const WarpFunction kLoadMatrices{"load_matrices", true, complete_load};
const WarpFunction kLoadTransposed{"load_matrices<true>", true, complete_load};

bool is_aligned16(const void* address) { return reinterpret_cast<std::uintptr_t>(address) % 16 == 0; }

}  // namespace
}  // namespace softcuda

using softcuda::Multiprocessor;

void* softcuda_dynamic_shared() { return Multiprocessor::instance().dynamic_shared(); }

void softcuda_mma_m16n8k16(float* d, const std::uint32_t* a, const std::uint32_t* b, const char* file,
                           std::uint32_t line) {
  softcuda::Product product{d, a, b};
  Multiprocessor::instance().meet(softcuda::kMma, ~0U, &product, {file, line});
}

void softcuda_mma_m16n8k16_bf16(float* d, const std::uint32_t* a, const std::uint32_t* b, const char* file,
                                std::uint32_t line) {
  softcuda::Product product{d, a, b};
  Multiprocessor::instance().meet(softcuda::kMmaBfloat16, ~0U, &product, {file, line});
}

void softcuda_load_matrices(std::uint32_t* r, const void* row, bool transposed, const char* file, std::uint32_t line) {
  Multiprocessor& all = Multiprocessor::instance();
  if (!softcuda::is_aligned16(row)) all.fault("load_matrices from an address that is no multiple of 16");
  softcuda::MatrixLoad load{r, row, transposed};
  all.meet(transposed ? softcuda::kLoadTransposed : softcuda::kLoadMatrices, ~0U, &load, {file, line});
}

void softcuda_copy_async16(void* to_shared, const void* from_device, std::uint32_t n_valid) {
  Multiprocessor& all = Multiprocessor::instance();
  if (!softcuda::is_aligned16(to_shared) || !softcuda::is_aligned16(from_device)) {
    all.fault("copy_async16 with an address that is no multiple of 16");
  }
  if (n_valid > 16) all.fault("copy_async16 of " + std::to_string(n_valid) + " bytes");
  std::memset(to_shared, softcuda::kPoison, 16);
  softcuda::Thread& thread = all.thread();
  thread.copies.push_back({to_shared, from_device, n_valid, thread.n_copy_groups});
}

void softcuda_end_copy_group() { ++Multiprocessor::instance().thread().n_copy_groups; }

void softcuda_wait_for_copies(int n_pending) {
  softcuda::Thread& thread = Multiprocessor::instance().thread();
  const auto is_due = [&](const softcuda::AsyncCopy& copy) {
    return copy.group + static_cast<std::uint32_t>(n_pending) < thread.n_copy_groups;
  };
  const auto end = std::find_if_not(thread.copies.begin(), thread.copies.end(), is_due);
  for (auto copy = thread.copies.begin(); copy != end; ++copy) {
    std::memcpy(copy->to, copy->from, copy->n_valid);
    std::memset(static_cast<std::byte*>(copy->to) + copy->n_valid, 0, 16 - copy->n_valid);
  }
  thread.copies.erase(thread.copies.begin(), end);
}
