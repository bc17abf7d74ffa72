// SPDX-License-Identifier: Apache-2.0
// Kernels that treat each row by itself: copy, embed, rms_norm, rope, exl3_transform. An item is a row, or
// for copy a stretch of 16 Ki floats.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "abi/copy.h"
#include "abi/embed.h"
#include "abi/matmul.h"
#include "abi/rms_norm.h"
#include "abi/rope.h"
#include "abi/row_place.h"
#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/transform.h"
#include "base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/rows.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/cpu/kernels/load-inl.h"
#include "backends/cpu/kernels/prepare-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

template <abi::MatrixFormat kFormat>
void embed_row(const abi::Matrix& table, std::int32_t id, float* out) {
  const hn::ScalableTag<float> d;
  const std::size_t n = table.n_in;
  const auto* row =
      reinterpret_cast<const std::uint8_t*>(table.weights) + static_cast<std::size_t>(id) * n * kElementBytes<kFormat>;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(load_elements<kFormat>(d, row + i * kElementBytes<kFormat>), d, out + i);
  }
  for (; i < n; ++i) out[i] = load_element<kFormat>(row + i * kElementBytes<kFormat>);
}

void embed_rows(const abi::EmbedArguments& args, const std::int32_t* ids, const std::int32_t* chosen, float* out,
                std::uint32_t begin, std::uint32_t end) {
  for (std::uint32_t row = begin; row < end; ++row) {
    std::int32_t id = ids[row];
    if (id < 0 && static_cast<std::uint32_t>(-1 - id) < args.n_chosen) id = chosen[-1 - id];
    if (id < 0 || static_cast<std::uint32_t>(id) >= args.table.n_out) {
      fail(ErrorCode::kInvalidArgument, "token id {} is outside the vocabulary of {}", id, args.table.n_out);
    }
    float* y = out + std::size_t{row} * args.table.n_in;
    switch (args.table.format) {
      case abi::MatrixFormat::kF32:
        embed_row<abi::MatrixFormat::kF32>(args.table, id, y);
        break;
      case abi::MatrixFormat::kF16:
        embed_row<abi::MatrixFormat::kF16>(args.table, id, y);
        break;
      case abi::MatrixFormat::kBf16:
        embed_row<abi::MatrixFormat::kBf16>(args.table, id, y);
        break;
      case abi::MatrixFormat::kExl3:
      case abi::MatrixFormat::kInt8:
        fail(ErrorCode::kInternal, "matrix format {} is not that of an embedding table",
             static_cast<std::uint32_t>(args.table.format));
    }
  }
}

void rms_norm_rows(const abi::RmsNormArguments& args, const float* x, float* out, std::uint32_t begin,
                   std::uint32_t end) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto* weight = reinterpret_cast<const float*>(args.weight);
  for (std::uint32_t row = begin; row < end; ++row) {
    const float* in = x + std::size_t{row} * args.in_stride;
    float* y = out + std::size_t{row} * args.out_stride;
    auto squares = hn::Zero(d);
    std::size_t i = 0;
    for (; i + lanes <= args.n; i += lanes) {
      const auto v = hn::LoadU(d, in + i);
      squares = hn::MulAdd(v, v, squares);
    }
    float sum = hn::GetLane(hn::SumOfLanes(d, squares));
    for (; i < args.n; ++i) sum += in[i] * in[i];
    const float scale = 1.0F / std::sqrt(sum / static_cast<float>(args.n) + args.eps);
    const auto scales = hn::Set(d, scale);
    for (i = 0; i + lanes <= args.n; i += lanes) {
      hn::StoreU(hn::Mul(hn::Mul(hn::LoadU(d, in + i), scales), hn::LoadU(d, weight + i)), d, y + i);
    }
    for (; i < args.n; ++i) y[i] = in[i] * scale * weight[i];
  }
}

void transform_row_target(const abi::Matrix& matrix, const float* x, float* out) {
  alignas(64) float values[kHadamardSize];
  const auto* scales = reinterpret_cast<const std::uint8_t*>(matrix.input_scale);
  for (std::size_t i = 0; i < matrix.stored_in; i += kHadamardSize) {
    const std::size_t n = i < matrix.n_in ? std::min(kHadamardSize, matrix.n_in - i) : 0;
    std::copy(x + i, x + i + n, values);
    std::fill(values + n, values + kHadamardSize, 0.0F);
    prepare_inputs128(values, scales + 2 * i, matrix.codebook, out + i);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin::cpu {

HWY_EXPORT(embed_rows);
HWY_EXPORT(rms_norm_rows);
HWY_EXPORT(transform_row_target);

namespace {

constexpr std::size_t kCopyFloats = 16384;

template <typename Arguments>
std::uint32_t row_items(const std::byte* arguments) {
  return reinterpret_cast<const Arguments*>(arguments)->n_rows;
}

}  // namespace

void transform_row(const abi::Matrix& matrix, const float* x, float* out) {
  if (matrix.format == abi::MatrixFormat::kExl3) {
    HWY_DYNAMIC_DISPATCH(transform_row_target)(matrix, x, out);
  } else {
    std::copy(x, x + matrix.n_in, out);
  }
}

std::uint32_t copy_items(const std::byte* arguments) {
  const auto n = reinterpret_cast<const abi::CopyArguments*>(arguments)->n;
  return static_cast<std::uint32_t>((n + kCopyFloats - 1) / kCopyFloats);
}

void copy(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const std::size_t first = begin * kCopyFloats;
  const std::size_t last = std::min<std::size_t>(end * kCopyFloats, call.arguments<abi::CopyArguments>().n);
  std::copy(call.binding<const float>(0) + first, call.binding<const float>(0) + last, call.binding<float>(1) + first);
}

std::uint32_t embed_items(const std::byte* arguments) { return row_items<abi::EmbedArguments>(arguments); }

void embed(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  HWY_DYNAMIC_DISPATCH(embed_rows)
  (call.arguments<abi::EmbedArguments>(), call.binding<const std::int32_t>(0), call.binding<const std::int32_t>(1),
   call.binding<float>(2), begin, end);
}

std::uint32_t rms_norm_items(const std::byte* arguments) { return row_items<abi::RmsNormArguments>(arguments); }

void rms_norm(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  HWY_DYNAMIC_DISPATCH(rms_norm_rows)
  (call.arguments<abi::RmsNormArguments>(), call.binding<const float>(0), call.binding<float>(1), begin, end);
}

std::uint32_t exl3_transform_items(const std::byte* arguments) {
  return row_items<abi::Exl3TransformArguments>(arguments);
}

void exl3_transform(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::Exl3TransformArguments>();
  for (std::uint32_t row = begin; row < end; ++row) {
    transform_row(args.matrix, call.binding<const float>(0) + std::size_t{row} * args.in_stride,
                  call.binding<float>(1) + std::size_t{row} * args.matrix.stored_in);
  }
}

std::uint32_t rope_items(const std::byte* arguments) { return row_items<abi::RopeArguments>(arguments); }

void rope(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::RopeArguments>();
  const std::size_t half = args.dim / 2;
  auto* rotated = call.scratch<float>();
  for (std::uint32_t row = begin; row < end; ++row) {
    const std::size_t position = call.binding<const abi::RowPlace>(2)[row].position;
    const float* table = call.binding<const float>(1) + position * args.dim;
    for (std::uint32_t head = 0; head < args.n_heads; ++head) {
      float* x = call.binding<float>(0) + std::size_t{row} * args.row_stride + std::size_t{head} * args.head_stride;
      for (std::size_t i = 0; i < half; ++i) {
        const float a = args.interleaved != 0 ? x[2 * i] : x[i];
        const float b = args.interleaved != 0 ? x[2 * i + 1] : x[i + half];
        const float cosine = table[2 * i];
        const float sine = table[2 * i + 1];
        rotated[i] = a * cosine - b * sine;
        rotated[i + half] = b * cosine + a * sine;
      }
      std::copy(rotated, rotated + args.dim, x);
    }
  }
}

}  // namespace marlin::cpu
#endif
