// SPDX-License-Identifier: Apache-2.0
// latent_query_f32 and latent_value_f32: an item is a head and up to 16 rows. Each loaded vector of kv_b serves four of
// them.
#include <algorithm>

#include "abi/attention.h"
#include "backends/cpu/kernels/kernels.h"
#include "base/unroll.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/latent_projection.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/cpu/kernels/dot_products-inl.h"
#include "backends/cpu/kernels/load-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

/// Rows of x and y that lie at strides, in floats.
struct StridedRows {
  const float* x;
  std::size_t x_stride;
  float* y;
  std::size_t y_stride;
};

/// y[row][kVectors vectors] = sum over i of x[row][i] * weights[i][..] for kRows rows and n inputs.
template <abi::MatrixFormat kFormat, int kRows, int kVectors>
HWY_INLINE void combine(const std::uint8_t* weights, std::size_t rank, std::size_t n, const StridedRows& rows) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sums[kRows][kVectors];
  MARLIN_UNROLL
  for (auto& row : sums) {
    MARLIN_UNROLL
    for (auto& sum : row) sum = hn::Zero(d);
  }
  for (std::size_t i = 0; i < n; ++i, weights += rank * kElementBytes<kFormat>) {
    hn::Vec<decltype(d)> w[kVectors];
    MARLIN_UNROLL
    for (std::size_t v = 0; v < kVectors; ++v) {
      w[v] = load_elements<kFormat>(d, weights + v * lanes * kElementBytes<kFormat>);
    }
    MARLIN_UNROLL
    for (std::size_t row = 0; row < kRows; ++row) {
      const auto x = hn::Set(d, rows.x[row * rows.x_stride + i]);
      MARLIN_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[row][v] = hn::MulAdd(w[v], x, sums[row][v]);
    }
  }
  MARLIN_UNROLL
  for (std::size_t row = 0; row < kRows; ++row) {
    MARLIN_UNROLL
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sums[row][v], d, rows.y + row * rows.y_stride + v * lanes);
  }
}

/// y[row][rank] for kRows rows.
template <abi::MatrixFormat kFormat, int kRows>
void combine_rows(const std::uint8_t* weights, std::size_t rank, std::size_t n, const StridedRows& rows) {
  const std::size_t lanes = hn::Lanes(hn::ScalableTag<float>());
  const auto slice = [&](std::size_t i) { return StridedRows{rows.x, rows.x_stride, rows.y + i, rows.y_stride}; };
  constexpr int kVectors = tile_width(kRows);
  std::size_t i = 0;
  for (; i + kVectors * lanes <= rank; i += kVectors * lanes) {
    combine<kFormat, kRows, kVectors>(weights + i * kElementBytes<kFormat>, rank, n, slice(i));
  }
  for (; i + lanes <= rank; i += lanes) {
    combine<kFormat, kRows, 1>(weights + i * kElementBytes<kFormat>, rank, n, slice(i));
  }
  for (; i < rank; ++i) {
    for (std::size_t row = 0; row < kRows; ++row) {
      float sum = 0.0F;
      for (std::size_t k = 0; k < n; ++k) {
        sum +=
            rows.x[row * rows.x_stride + k] * load_element<kFormat>(weights + (k * rank + i) * kElementBytes<kFormat>);
      }
      rows.y[row * rows.y_stride + i] = sum;
    }
  }
}

/// The key (or value) rows of one head of kv_b.
template <abi::MatrixFormat kFormat>
const std::uint8_t* head_rows(const abi::LatentProjectionArguments& args, std::size_t head, std::size_t first_row) {
  const std::size_t row = head * (std::size_t{args.nope_dim} + args.value_dim) + first_row;
  return reinterpret_cast<const std::uint8_t*>(args.kv_b) + row * args.rank * kElementBytes<kFormat>;
}

template <abi::MatrixFormat kFormat>
void project_query(const abi::LatentProjectionArguments& args, std::size_t head, std::size_t row, std::size_t end,
                   const float* q, float* query) {
  const std::uint8_t* weights = head_rows<kFormat>(args, head, 0);
  in_groups_of_rows(static_cast<std::uint32_t>(end - row), [&]<int kRows>(std::size_t group) {
    const std::size_t first = row + group;
    const StridedRows rows{q + first * args.q_row_stride + head * args.q_head_stride, args.q_row_stride,
                           query + (first * args.n_heads + head) * args.rank, std::size_t{args.n_heads} * args.rank};
    combine_rows<kFormat, kRows>(weights, args.rank, args.nope_dim, rows);
  });
}

template <abi::MatrixFormat kFormat>
void project_value(const abi::LatentProjectionArguments& args, std::size_t head, std::size_t row, std::size_t end,
                   const float* latent, float* out) {
  const std::size_t x_stride = std::size_t{args.n_heads} * args.rank;
  const std::size_t y_stride = std::size_t{args.n_heads} * args.value_dim;
  multiply_dense<kFormat>(latent + row * x_stride + head * args.rank, x_stride, static_cast<std::uint32_t>(end - row),
                          head_rows<kFormat>(args, head, args.nope_dim), args.value_dim, args.rank,
                          out + row * y_stride + head * args.value_dim, y_stride);
}

using Project = void (*)(const abi::LatentProjectionArguments&, std::size_t, std::size_t, std::size_t, const float*,
                         float*);

Project query_projection(abi::MatrixFormat format) {
  if (format == abi::MatrixFormat::kF32) return project_query<abi::MatrixFormat::kF32>;
  return format == abi::MatrixFormat::kF16 ? project_query<abi::MatrixFormat::kF16>
                                           : project_query<abi::MatrixFormat::kBf16>;
}

Project value_projection(abi::MatrixFormat format) {
  if (format == abi::MatrixFormat::kF32) return project_value<abi::MatrixFormat::kF32>;
  return format == abi::MatrixFormat::kF16 ? project_value<abi::MatrixFormat::kF16>
                                           : project_value<abi::MatrixFormat::kBf16>;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin::cpu {

HWY_EXPORT(query_projection);
HWY_EXPORT(value_projection);

namespace {

constexpr std::uint32_t kItemRows = 16;

/// project: a Project of the target in use.
template <typename Function>
void project_items(const KernelCall& call, std::uint32_t begin, std::uint32_t end, Function project) {
  const auto& args = call.arguments<abi::LatentProjectionArguments>();
  for (std::uint32_t item = begin; item < end;
       ++item) {  // rows of one head follow one another: its weights stay cached
    const std::uint32_t n_parts = (args.n_rows + kItemRows - 1) / kItemRows;
    const std::uint32_t row = item % n_parts * kItemRows;
    project(args, item / n_parts, row, std::min(args.n_rows, row + kItemRows), call.binding<const float>(0),
            call.binding<float>(1));
  }
}

}  // namespace

std::uint32_t latent_query_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::LatentProjectionArguments*>(arguments);
  return (args.n_rows + kItemRows - 1) / kItemRows * args.n_heads;
}

void latent_query(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto format = call.arguments<abi::LatentProjectionArguments>().format;
  project_items(call, begin, end, HWY_DYNAMIC_DISPATCH(query_projection)(format));
}

std::uint32_t latent_value_items(const std::byte* arguments) { return latent_query_items(arguments); }

void latent_value(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto format = call.arguments<abi::LatentProjectionArguments>().format;
  project_items(call, begin, end, HWY_DYNAMIC_DISPATCH(value_projection)(format));
}

}  // namespace marlin::cpu
#endif
