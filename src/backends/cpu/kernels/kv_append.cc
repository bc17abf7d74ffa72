// SPDX-License-Identifier: Apache-2.0
// kv_append: an item is a row.
#include "abi/kv_append.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "backends/cpu/kernels/cache_row.h"
#include "backends/cpu/kernels/kernels.h"
#include "base/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/kv_append.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/cpu/kernels/load-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

void round_row(const float* x, std::size_t n, std::uint16_t* out) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<std::uint16_t, decltype(d)> d16;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) hn::StoreU(to_half_bits(d, hn::LoadU(d, x + i)), d16, out + i);
  for (; i < n; ++i) out[i] = float_to_half(x[i]);
}

/// n numbers, a multiple of abi::kNumberUnit and at most abi::kScaleGroup; returns their scale.
HWY_INLINE float quantise_group(const float* x, std::size_t n, std::int8_t* numbers) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  // magnitudes as integers: in the same order, and NaN above all
  auto magnitudes = hn::Zero(di);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    const auto bits = hn::BitCast(di, hn::Load(d, x + i));
    magnitudes = hn::Max(magnitudes, hn::And(bits, hn::Set(di, 0x7FFFFFFF)));
  }
  const auto largest = std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(di, magnitudes)));
  const bool finite = largest <= std::numeric_limits<float>::max();
  if (!finite || largest < abi::smallest_group()) {
    std::fill_n(numbers, n, std::int8_t{0});
    return finite ? 0.0F : std::numeric_limits<float>::quiet_NaN();
  }
  const float scale = largest / 127.0F;
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    const auto rounded = hn::NearestInt(hn::Div(hn::Load(d, x + i), hn::Set(d, scale)));
    const hn::Rebind<std::int8_t, decltype(d)> d8;
    hn::StoreU(hn::DemoteTo(d8, rounded), d8, numbers + i);
  }
  return scale;
}

void quantise_vector(const float* x, abi::CacheVector vector, std::uint8_t* out) {
  const std::size_t tail = abi::cache_tail_offset(abi::MatrixFormat::kInt8, vector);
  const std::size_t head_dim = vector.dim - vector.tail_dim;
  const std::size_t n = abi::cache_numbers(abi::MatrixFormat::kInt8, vector);
  std::uint8_t* scales = out + n;
  for (std::size_t at = 0; at < n; at += abi::kScaleGroup, scales += sizeof(float)) {
    const std::size_t first = at < tail ? at : head_dim + at - tail;
    const std::size_t end = at < tail ? head_dim : vector.dim;
    HWY_ALIGN float group[abi::kScaleGroup]{};
    std::copy_n(x + first, std::min<std::size_t>(abi::kScaleGroup, end - first), group);
    const float scale = quantise_group(group, std::min<std::size_t>(abi::kScaleGroup, n - at),
                                       reinterpret_cast<std::int8_t*>(out + at));
    std::memcpy(scales, &scale, sizeof(scale));
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin::cpu {

HWY_EXPORT(round_row);
HWY_EXPORT(quantise_vector);

std::uint32_t kv_append_items(const std::byte* arguments) {
  return reinterpret_cast<const abi::KvAppendArguments*>(arguments)->n_rows;
}

void kv_append(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::KvAppendArguments>();
  const std::size_t width = std::size_t{args.n_vectors} * args.vector.dim;
  const std::size_t vector_bytes = abi::cache_vector_bytes(args.cache_format, args.vector);
  for (std::size_t row = begin; row < end; ++row) {
    const float* x = call.binding<const float>(0) + row * args.row_stride;
    const std::size_t place =
        cache_row(call.binding<const std::uint32_t>(3), call.binding<const abi::RowPlace>(2)[row], args.block_shift);
    std::uint8_t* out = call.binding<std::uint8_t>(1) + place * args.n_vectors * vector_bytes;
    if (args.cache_format == abi::MatrixFormat::kF16) {
      HWY_DYNAMIC_DISPATCH(round_row)(x, width, reinterpret_cast<std::uint16_t*>(out));
    } else if (args.cache_format == abi::MatrixFormat::kInt8) {
      for (std::size_t i = 0; i < args.n_vectors; ++i) {
        HWY_DYNAMIC_DISPATCH(quantise_vector)(x + i * args.vector.dim, args.vector, out + i * vector_bytes);
      }
    } else {
      std::memcpy(out, x, width * sizeof(float));
    }
  }
}

}  // namespace marlin::cpu
#endif
