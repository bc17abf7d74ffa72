// SPDX-License-Identifier: Apache-2.0
// Products with weight matrices and what prepares them: kernels/matmul.metal, kernels/moe_rows.metal,
// kernels/moe_products.metal.
#include <algorithm>
#include <array>

#include "abi/kernel_variant.h"
#include "abi/matmul.h"
#include "abi/moe.h"
#include "backends/metal/kernel.h"

namespace marlin::metal {
namespace {

constexpr std::uint32_t kBlock = 128;  // outputs of a threadgroup, and inputs of a transform

constexpr std::uint32_t ceil_div(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint32_t>((a + b - 1) / b);
}

template <typename Arguments>
const Arguments& as(const std::byte* arguments) {
  return *reinterpret_cast<const Arguments*>(arguments);
}

Grid transform_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = as<abi::Exl3TransformArguments>(arguments);
  return {ceil_div(std::uint64_t{args.n_rows} * (args.matrix.stored_in / kBlock), n_threads / kSimdgroupWidth)};
}

template <abi::KernelVariant kVariant>
Grid matmul_grid(const std::byte* arguments, std::uint32_t /*n_threads*/) {
  const auto& args = as<abi::MatmulArguments>(arguments);
  return {ceil_div(args.matrix.n_out, kBlock), ceil_div(args.n_rows, abi::variant_row_tile(kVariant))};
}

FunctionConstants matmul_constants(const std::byte* arguments) {
  const abi::Matrix& matrix = as<abi::MatmulArguments>(arguments).matrix;
  return {{abi::matrix_encoding(matrix)}, 1};
}

FunctionConstants gate_up_constants(const std::byte* arguments) {
  const auto& args = as<abi::MoeArguments>(arguments);
  return {{args.gate_up_encodings[0], args.gate_up_encodings[1]}, 2};
}

FunctionConstants down_constants(const std::byte* arguments) {
  const auto& args = as<abi::MoeArguments>(arguments);
  return {{args.down_encodings[0], args.down_encodings[1]}, 2};
}

Grid sort_grid(const std::byte* /*arguments*/, std::uint32_t /*n_threads*/) { return {1}; }

Grid gather_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = as<abi::MoeArguments>(arguments);
  return {ceil_div(args.in_stride, std::uint64_t{kBlock} * (n_threads / kSimdgroupWidth)),
          args.n_rows * args.slots_per_row};
}

/// Enough for whatever the routing turns out to be. Blocks of an expert follow each other; of large_batch, those of a
/// tile of its rows.
template <abi::KernelVariant kVariant>
Grid expert_grid(const abi::MoeArguments& args, std::uint32_t width) {
  const std::uint32_t n_slots = args.n_rows * args.slots_per_row;
  std::uint32_t n_tiles = args.n_selected == args.n_experts ? std::min(args.n_selected, n_slots) : args.n_selected;
  if (kVariant == abi::KernelVariant::kLargeBatch) n_tiles += n_slots / abi::variant_row_tile(kVariant);
  return {n_tiles * ceil_div(width, kBlock)};
}

template <abi::KernelVariant kVariant>
Grid gate_up_grid(const std::byte* arguments, std::uint32_t /*n_threads*/) {
  const auto& args = as<abi::MoeArguments>(arguments);
  return expert_grid<kVariant>(args, args.inner_stride);
}

template <abi::KernelVariant kVariant>
Grid down_grid(const std::byte* arguments, std::uint32_t /*n_threads*/) {
  const auto& args = as<abi::MoeArguments>(arguments);
  return expert_grid<kVariant>(args, args.hidden);
}

Grid combine_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = as<abi::MoeCombineArguments>(arguments);
  return {ceil_div(args.hidden, n_threads), args.n_rows};
}

using abi::KernelVariant;

template <KernelVariant kVariant>
constexpr MetalKernel matmul(std::string_view name, std::uint32_t n_threads) {
  return {name, "matmul", sizeof(abi::MatmulArguments), 2, n_threads, matmul_grid<kVariant>, false, matmul_constants};
}

template <KernelVariant kVariant>
constexpr MetalKernel gate_up(std::string_view name, std::uint32_t n_threads) {
  return {name,  "moe_products",   sizeof(abi::MoeArguments), 5, n_threads, gate_up_grid<kVariant>,
          false, gate_up_constants};
}

template <KernelVariant kVariant>
constexpr MetalKernel down(std::string_view name, std::uint32_t n_threads) {
  return {name, "moe_products", sizeof(abi::MoeArguments), 4, n_threads, down_grid<kVariant>, false, down_constants};
}

constexpr std::array kKernels = {
    MetalKernel{"exl3_transform_f32", "matmul", sizeof(abi::Exl3TransformArguments), 2, 256, transform_grid},
    matmul<KernelVariant::kDecode>("matmul_decode_f32", 1024),
    matmul<KernelVariant::kPrefill4>("matmul_prefill4_f32", 256),
    matmul<KernelVariant::kBase>("matmul_base_f32", 256),
    matmul<KernelVariant::kLargeBatch>("matmul_large_batch_f32", 512),
    MetalKernel{"expert_sort_i32", "moe_rows", sizeof(abi::ExpertSortArguments), 5, 1024, sort_grid},
    MetalKernel{"moe_gather_f32", "moe_rows", sizeof(abi::MoeArguments), 5, 256, gather_grid},
    gate_up<KernelVariant::kDecode>("moe_gate_up_decode_f32", 512),
    gate_up<KernelVariant::kPrefill4>("moe_gate_up_prefill4_f32", 256),
    gate_up<KernelVariant::kBase>("moe_gate_up_base_f32", 256),
    gate_up<KernelVariant::kLargeBatch>("moe_gate_up_large_batch_f32", 512),
    down<KernelVariant::kDecode>("moe_down_decode_f32", 512),
    down<KernelVariant::kPrefill4>("moe_down_prefill4_f32", 256),
    down<KernelVariant::kBase>("moe_down_base_f32", 256),
    down<KernelVariant::kLargeBatch>("moe_down_large_batch_f32", 512),
    MetalKernel{"moe_combine_f32", "moe_rows", sizeof(abi::MoeCombineArguments), 4, 256, combine_grid},
};

}  // namespace

std::span<const MetalKernel> matrix_kernels() { return kKernels; }

}  // namespace marlin::metal
