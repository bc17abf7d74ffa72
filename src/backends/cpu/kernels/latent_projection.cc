// SPDX-License-Identifier: Apache-2.0
// latent_query_f32 and latent_value_f32: an item is a head and up to 16 rows. Each loaded vector of kv_b serves four of
// them.
#include <algorithm>

#include "abi/attention.h"
#include "backends/cpu/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/latent_projection.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/cpu/kernels/dot_products-inl.h"
#include "backends/cpu/kernels/weighted_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

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
    float* sums[kRows];
    for (std::size_t i = 0; i < kRows; ++i) {
      sums[i] = query + ((row + group + i) * args.n_heads + head) * args.rank;
      std::fill_n(sums[i], args.rank, 0.0F);
    }
    const float* inputs = q + (row + group) * args.q_row_stride + head * args.q_head_stride;
    add_weighted<kFormat, kRows>(inputs, args.q_row_stride, EvenRows{weights, args.rank * kElementBytes<kFormat>},
                                 args.nope_dim, args.rank, sums);
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
