// SPDX-License-Identifier: Apache-2.0
// Kernels on memory and on rows of floats; each is described in the abi header of its name. They move little and are
// launched often, so what counts is how long the first byte takes: a thread has its four elements in registers after
// one load, and nearly all of them are done then.
#include <cuda_runtime.h>

#include <algorithm>
#include <array>

#include "abi/copy.h"
#include "abi/embed.h"
#include "abi/fill.h"
#include "abi/finite_guard.h"
#include "abi/mask_logits.h"
#include "abi/rms_norm.h"
#include "abi/rope.h"
#include "abi/sample_math.h"
#include "backends/cuda/kernels/cache_row.h"
#include "backends/cuda/kernels/failure.h"
#include "backends/cuda/kernels/kv_append.h"
#include "backends/cuda/kernels/launch.h"
#include "backends/cuda/kernels/load.h"
#include "backends/cuda/kernels/reduce.h"
#include "backends/cuda/kernels/shared_memory.h"
#include "base/check.h"

namespace marlin::cuda {
namespace {

constexpr std::uint32_t kThreads = 256;
constexpr std::uint32_t kWarps = kThreads / kWarpSize;
constexpr std::uint32_t kPiece = 4 * kThreads;  // elements of a block

/// The first of this thread's four elements.
__device__ std::uint64_t first_of_four(std::uint32_t piece) { return std::uint64_t{piece} * kPiece + 4 * threadIdx.x; }

// Grid: pieces.
__global__ void __launch_bounds__(kThreads) copy_f32(const __grid_constant__ KernelCall call) {
  const std::uint64_t n = call.arguments<abi::CopyArguments>().n;
  const auto* source = call.binding<const float>(0);
  auto* destination = call.binding<float>(1);
  const std::uint64_t i = first_of_four(blockIdx.x);
  const bool vectors = holds_vectors(source) && holds_vectors(destination);
  store_floats4(destination + i, load_floats4(source + i, vectors, of_four(i, n)), vectors, of_four(i, n));
}

// Grid: pieces.
__global__ void __launch_bounds__(kThreads) fill_u32(const __grid_constant__ KernelCall call) {
  const auto& arguments = call.arguments<abi::FillArguments>();
  auto* destination = call.binding<float>(0);
  const float value = __uint_as_float(arguments.value);
  const std::uint64_t i = first_of_four(blockIdx.x);
  store_floats4(destination + i, make_float4(value, value, value, value), holds_vectors(destination),
                of_four(i, arguments.n));
}

// Grid: a thread per logit. A warp has a word of the mask.
__global__ void __launch_bounds__(kThreads) mask_logits_f32(const __grid_constant__ KernelCall call) {
  const std::uint64_t i = std::uint64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= call.arguments<abi::MaskLogitsArguments>().n) return;
  if ((call.binding<const std::uint32_t>(1)[i / 32] >> (i % 32) & 1U) != 0) return;
  call.binding<float>(0)[i] = abi::float_of_bits(abi::kNegativeInfinityBits);
}

// Grid: (rows, pieces). A row with a wrong id is reported and left alone.
__global__ void __launch_bounds__(kThreads) embed_f32(const __grid_constant__ KernelCall call) {
  const auto& arguments = call.arguments<abi::EmbedArguments>();
  const abi::Matrix& table = arguments.table;
  const std::uint32_t row = blockIdx.x;
  std::int32_t id = call.binding<const std::int32_t>(0)[row];
  if (id < 0 && static_cast<std::uint32_t>(-1 - id) < arguments.n_chosen) {
    id = call.binding<const std::int32_t>(1)[-1 - id];
  }
  if (id < 0 || static_cast<std::uint32_t>(id) >= table.n_out) {
    if (blockIdx.y == 0 && threadIdx.x == 0) {
      report_failure(call.failure, abi::KernelFailureCode::kTokenId, row, static_cast<std::uint32_t>(id));
    }
    return;
  }
  const std::uint64_t i = first_of_four(blockIdx.y);
  const std::uint32_t n = of_four(i, table.n_in);
  const auto* weights = reinterpret_cast<const std::byte*>(table.weights);
  const std::uint64_t element = static_cast<std::uint64_t>(id) * table.n_in + i;
  const float4 values = load_elements4(weights + element * element_bytes(table.format), table.format,
                                       row_alignment(table.weights, table.n_in, table.format), n);
  float* out = call.binding<float>(2) + std::uint64_t{row} * table.n_in;
  store_floats4(out + i, values, holds_vectors(out), n);
}

// Grid: (rows, pieces of n_threads groups of 8 bits, or else of columns).
__global__ void __launch_bounds__(kThreads) kv_append_f32(const __grid_constant__ KernelCall call) {
  const auto& arguments = call.arguments<abi::KvAppendArguments>();
  const abi::RowPlace place = call.binding<const abi::RowPlace>(2)[blockIdx.x];
  const CacheBlocks blocks = blocks_of(place, call.binding<const std::uint32_t>(3), arguments.block_shift);
  const float* x = call.binding<const float>(0) + std::uint64_t{blockIdx.x} * arguments.row_stride;
  std::byte* row = call.binding<std::byte>(1) + blocks.row(place.position) * arguments.n_vectors *
                                                    abi::cache_vector_bytes(arguments.cache_format, arguments.vector);
  if (arguments.cache_format == abi::MatrixFormat::kInt8) {
    append_group(arguments, x, row, blockIdx.y * kWarps + warp_index());
  } else {
    append_four(arguments.cache_format, x, row, blockIdx.y * kPiece + 4 * threadIdx.x,
                arguments.n_vectors * arguments.vector.dim);
  }
}

// Grid: a block per row.
__global__ void __launch_bounds__(kThreads) finite_guard_f32(const __grid_constant__ KernelCall call) {
  __shared__ std::uint32_t partial[kMaxWarps];
  const auto& arguments = call.arguments<abi::FiniteGuardArguments>();
  const std::uint32_t width = arguments.width;
  const float* x = call.binding<const float>(0) + std::uint64_t{blockIdx.x} * width;
  std::uint32_t wrong = width;  // the first column that this thread finds
  for (std::uint32_t i = threadIdx.x; i < width && wrong == width; i += kThreads) {
    if (!is_finite_bits(x[i])) wrong = i;
  }
  wrong = block_reduce(wrong, width, partial, Min{});
  if (wrong == width || threadIdx.x != 0) return;
  report_failure(call.failure, abi::KernelFailureCode::kNotFinite, static_cast<std::uint32_t>(arguments.stage),
                 arguments.layer, blockIdx.x, wrong, __float_as_uint(x[wrong]));
}

__device__ float sum_of_squares(float4 v, float sum) {
  sum = __fmaf_rn(v.x, v.x, sum);
  sum = __fmaf_rn(v.y, v.y, sum);
  sum = __fmaf_rn(v.z, v.z, sum);
  return __fmaf_rn(v.w, v.w, sum);
}

__device__ float4 scaled(float4 v, float scale, float4 weight) {
  return make_float4(v.x * scale * weight.x, v.y * scale * weight.y, v.z * scale * weight.z, v.w * scale * weight.w);
}

constexpr std::uint32_t kWarpRow = 512;  // at most so long, a row of rms_norm_f32 is a warp's
constexpr std::uint32_t kHeld = 4;       // vectors of four that a thread keeps; longer rows are read twice

/// One row, by kRowThreads threads, of which `thread` is one. Who adds what depends on n alone.
template <std::uint32_t kRowThreads, bool kWhole>
__device__ void rms_norm_row(const abi::RmsNormArguments& arguments, const float* x, float* out, std::uint32_t thread) {
  __shared__ float partial[kMaxWarps];
  const auto* weight = reinterpret_cast<const float*>(arguments.weight);
  const std::uint32_t n = arguments.n;
  const std::uint32_t first = 4 * thread;
  constexpr std::uint32_t kStep = 4 * kRowThreads;
  float4 held[kHeld];
  float4 held_weights[kHeld];
#pragma unroll
  for (std::uint32_t k = 0; k < kHeld; ++k) {
    held[k] = load_row4<kWhole>(x, first + k * kStep, n);
    held_weights[k] = load_row4<kWhole>(weight, first + k * kStep, n);
  }
  float squares = 0.0F;
#pragma unroll
  for (std::uint32_t k = 0; k < kHeld; ++k) squares = sum_of_squares(held[k], squares);
  for (std::uint32_t i = first + kHeld * kStep; i < n; i += kStep) {
    squares = sum_of_squares(load_row4<kWhole>(x, i, n), squares);
  }
  const float sum = kRowThreads == kWarpSize ? warp_sum(squares) : block_sum(squares, partial);
  const float scale = rsqrtf(sum * (1.0F / static_cast<float>(n)) + arguments.eps);
#pragma unroll
  for (std::uint32_t k = 0; k < kHeld; ++k) {
    store_row4<kWhole>(out, scaled(held[k], scale, held_weights[k]), first + k * kStep, n);
  }
  for (std::uint32_t i = first + kHeld * kStep; i < n; i += kStep) {
    store_row4<kWhole>(out, scaled(load_row4<kWhole>(x, i, n), scale, load_row4<kWhole>(weight, i, n)), i, n);
  }
}

// Grid: kRowThreads threads per row, a warp or a block.
template <std::uint32_t kRowThreads>
__global__ void __launch_bounds__(kThreads) rms_norm_f32(const __grid_constant__ KernelCall call) {
  const auto& arguments = call.arguments<abi::RmsNormArguments>();
  const std::uint32_t row = (blockIdx.x * blockDim.x + threadIdx.x) / kRowThreads;
  if (row >= arguments.n_rows) return;
  const std::uint32_t thread = threadIdx.x % kRowThreads;
  const float* x = call.binding<const float>(0) + std::uint64_t{row} * arguments.in_stride;
  float* out = call.binding<float>(1) + std::uint64_t{row} * arguments.out_stride;
  const auto* weight = reinterpret_cast<const float*>(arguments.weight);
  if (arguments.n % 4 == 0 && holds_vectors(x) && holds_vectors(out) && holds_vectors(weight)) {
    rms_norm_row<kRowThreads, true>(arguments, x, out, thread);
  } else {
    rms_norm_row<kRowThreads, false>(arguments, x, out, thread);
  }
}

// Grid: (rows, groups of heads, a warp per head). Halves stay where they are; of interleaved pairs the result may lie
// where another pair was, so it waits in shared memory until all have been read.
__global__ void __launch_bounds__(kThreads) rope_f32(const __grid_constant__ KernelCall call) {
  const auto& arguments = call.arguments<abi::RopeArguments>();
  const std::uint32_t head = blockIdx.y * (blockDim.x / kWarpSize) + warp_index();
  if (head >= arguments.n_heads) return;
  const std::uint32_t dim = arguments.dim;
  const std::uint32_t half_dim = dim / 2;
  const bool interleaved = arguments.interleaved != 0;
  float* x = call.binding<float>(0) + std::uint64_t{blockIdx.x} * arguments.row_stride +
             std::uint64_t{head} * arguments.head_stride;
  const std::uint32_t position = call.binding<const abi::RowPlace>(2)[blockIdx.x].position;
  const float* table = call.binding<const float>(1) + std::uint64_t{position} * dim;
  float* rotated = interleaved ? dynamic_shared<float>() + warp_index() * dim : x;
  for (std::uint32_t i = lane_index(); i < half_dim; i += kWarpSize) {
    const float a = interleaved ? x[2 * i] : x[i];
    const float b = interleaved ? x[2 * i + 1] : x[i + half_dim];
    const float cosine = __ldg(table + 2 * i);
    const float sine = __ldg(table + 2 * i + 1);
    rotated[i] = a * cosine - b * sine;
    rotated[i + half_dim] = b * cosine + a * sine;
  }
  if (!interleaved) return;
  __syncwarp();
  for (std::uint32_t i = lane_index(); i < dim; i += kWarpSize) x[i] = rotated[i];
}

Launch launch_copy(const std::byte* arguments, const GpuLimits& /*gpu*/) {
  return {copy_f32, {ceil_div(as<abi::CopyArguments>(arguments).n, kPiece)}, kThreads};
}

Launch launch_fill(const std::byte* arguments, const GpuLimits& /*gpu*/) {
  return {fill_u32, {ceil_div(as<abi::FillArguments>(arguments).n, kPiece)}, kThreads};
}

Launch launch_mask_logits(const std::byte* arguments, const GpuLimits& /*gpu*/) {
  return {mask_logits_f32, {ceil_div(as<abi::MaskLogitsArguments>(arguments).n, kThreads)}, kThreads};
}

Launch launch_embed(const std::byte* arguments, const GpuLimits& /*gpu*/) {
  const auto& args = as<abi::EmbedArguments>(arguments);
  return {embed_f32, {args.n_rows, ceil_div(args.table.n_in, kPiece)}, kThreads};
}

Launch launch_kv_append(const std::byte* arguments, const GpuLimits& /*gpu*/) {
  const auto& args = as<abi::KvAppendArguments>(arguments);
  if (args.cache_format != abi::MatrixFormat::kInt8) {
    return {kv_append_f32, {args.n_rows, ceil_div(std::uint64_t{args.n_vectors} * args.vector.dim, kPiece)}, kThreads};
  }
  const std::uint32_t n_groups = ceil_div(abi::cache_numbers(args.cache_format, args.vector), abi::kScaleGroup);
  return {kv_append_f32, {args.n_rows, ceil_div(std::uint64_t{args.n_vectors} * n_groups, kWarps)}, kThreads};
}

Launch launch_finite_guard(const std::byte* arguments, const GpuLimits& /*gpu*/) {
  return {finite_guard_f32, {as<abi::FiniteGuardArguments>(arguments).n_rows}, kThreads};
}

Launch launch_rms_norm(const std::byte* arguments, const GpuLimits& /*gpu*/) {
  const auto& args = as<abi::RmsNormArguments>(arguments);
  if (args.n > kWarpRow) return {rms_norm_f32<kThreads>, {args.n_rows}, kThreads};
  const std::uint32_t n_warps = std::min(args.n_rows, kWarps);
  if (n_warps == 0) return {};
  return {rms_norm_f32<kWarpSize>, {ceil_div(args.n_rows, n_warps)}, n_warps * kWarpSize};
}

Launch launch_rope(const std::byte* arguments, const GpuLimits& gpu) {
  const auto& args = as<abi::RopeArguments>(arguments);
  const std::uint32_t head_bytes = args.interleaved != 0 ? args.dim * std::uint32_t{sizeof(float)} : 0;
  std::uint32_t n_warps = std::min(args.n_heads, kWarps);
  while (n_warps > 1 && n_warps * head_bytes > gpu.max_shared_bytes) n_warps /= 2;
  if (n_warps == 0) return {};
  MARLIN_CHECK(n_warps * head_bytes <= gpu.max_shared_bytes);
  return {rope_f32, {args.n_rows, ceil_div(args.n_heads, n_warps)}, n_warps * kWarpSize, n_warps * head_bytes};
}

}  // namespace

std::span<const CudaKernel> row_kernels() {
  static constexpr std::array kKernels = {
      CudaKernel{"copy_f32", sizeof(abi::CopyArguments), 2, launch_copy},
      CudaKernel{"embed_f32", sizeof(abi::EmbedArguments), 3, launch_embed, true},
      CudaKernel{"fill_u32", sizeof(abi::FillArguments), 1, launch_fill},
      CudaKernel{"finite_guard_f32", sizeof(abi::FiniteGuardArguments), 1, launch_finite_guard, true},
      CudaKernel{"kv_append_f32", sizeof(abi::KvAppendArguments), 4, launch_kv_append},
      CudaKernel{"mask_logits_f32", sizeof(abi::MaskLogitsArguments), 2, launch_mask_logits},
      CudaKernel{"rms_norm_f32", sizeof(abi::RmsNormArguments), 2, launch_rms_norm},
      CudaKernel{"rope_f32", sizeof(abi::RopeArguments), 3, launch_rope},
  };
  return kKernels;
}

}  // namespace marlin::cuda
