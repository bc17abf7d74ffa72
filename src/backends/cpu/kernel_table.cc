// SPDX-License-Identifier: Apache-2.0
// One row per kernel: the name every backend uses, its arguments and its bindings.
#include <array>

#include "abi/attention.h"
#include "abi/copy.h"
#include "abi/embed.h"
#include "abi/fill.h"
#include "abi/finite_guard.h"
#include "abi/kv_append.h"
#include "abi/mask_logits.h"
#include "abi/matmul.h"
#include "abi/moe.h"
#include "abi/rms_norm.h"
#include "abi/rope.h"
#include "abi/sample.h"
#include "backends/cpu/kernel.h"
#include "backends/cpu/kernels/kernels.h"

namespace marlin::cpu {
namespace {

using Variant = abi::KernelVariant;

constexpr std::array kKernels = {
    CpuKernel{"copy_f32", sizeof(abi::CopyArguments), 2, copy_items, copy},
    CpuKernel{"embed_f32", sizeof(abi::EmbedArguments), 3, embed_items, embed},
    CpuKernel{"expert_sort_i32", sizeof(abi::ExpertSortArguments), 5, expert_sort_items, expert_sort},
    CpuKernel{"exl3_transform_f32", sizeof(abi::Exl3TransformArguments), 2, exl3_transform_items, exl3_transform},
    CpuKernel{"fill_u32", sizeof(abi::FillArguments), 1, fill_items, fill},
    CpuKernel{"finite_guard_f32", sizeof(abi::FiniteGuardArguments), 1, finite_guard_items, finite_guard},
    CpuKernel{"grouped_attention_f32", sizeof(abi::GroupedAttentionArguments), 6, grouped_attention_items,
              grouped_attention},
    CpuKernel{"kv_append_f32", sizeof(abi::KvAppendArguments), 4, kv_append_items, kv_append},
    CpuKernel{"latent_attention_f32", sizeof(abi::LatentAttentionArguments), 6, latent_attention_items,
              latent_attention},
    CpuKernel{"latent_query_f32", sizeof(abi::LatentProjectionArguments), 2, latent_query_items, latent_query},
    CpuKernel{"latent_value_f32", sizeof(abi::LatentProjectionArguments), 2, latent_value_items, latent_value},
    CpuKernel{"mask_logits_f32", sizeof(abi::MaskLogitsArguments), 2, mask_logits_items, mask_logits},
    CpuKernel{"matmul_decode_f32", sizeof(abi::MatmulArguments), 2, matmul_items<Variant::kDecode>,
              matmul<Variant::kDecode>},
    CpuKernel{"matmul_prefill4_f32", sizeof(abi::MatmulArguments), 2, matmul_items<Variant::kPrefill4>,
              matmul<Variant::kPrefill4>},
    CpuKernel{"matmul_base_f32", sizeof(abi::MatmulArguments), 2, matmul_items<Variant::kBase>, matmul<Variant::kBase>},
    CpuKernel{"matmul_large_batch_f32", sizeof(abi::MatmulArguments), 2, matmul_items<Variant::kLargeBatch>,
              matmul<Variant::kLargeBatch>},
    CpuKernel{"moe_combine_f32", sizeof(abi::MoeCombineArguments), 4, moe_combine_items, moe_combine},
    CpuKernel{"moe_down_decode_f32", sizeof(abi::MoeArguments), 4, moe_down_items<Variant::kDecode>,
              moe_down<Variant::kDecode>},
    CpuKernel{"moe_down_prefill4_f32", sizeof(abi::MoeArguments), 4, moe_down_items<Variant::kPrefill4>,
              moe_down<Variant::kPrefill4>},
    CpuKernel{"moe_down_base_f32", sizeof(abi::MoeArguments), 4, moe_down_items<Variant::kBase>,
              moe_down<Variant::kBase>},
    CpuKernel{"moe_down_large_batch_f32", sizeof(abi::MoeArguments), 4, moe_down_items<Variant::kLargeBatch>,
              moe_down<Variant::kLargeBatch>},
    CpuKernel{"moe_gate_up_decode_f32", sizeof(abi::MoeArguments), 5, moe_gate_up_items<Variant::kDecode>,
              moe_gate_up<Variant::kDecode>},
    CpuKernel{"moe_gate_up_prefill4_f32", sizeof(abi::MoeArguments), 5, moe_gate_up_items<Variant::kPrefill4>,
              moe_gate_up<Variant::kPrefill4>},
    CpuKernel{"moe_gate_up_base_f32", sizeof(abi::MoeArguments), 5, moe_gate_up_items<Variant::kBase>,
              moe_gate_up<Variant::kBase>},
    CpuKernel{"moe_gate_up_large_batch_f32", sizeof(abi::MoeArguments), 5, moe_gate_up_items<Variant::kLargeBatch>,
              moe_gate_up<Variant::kLargeBatch>},
    CpuKernel{"moe_gather_f32", sizeof(abi::MoeArguments), 5, moe_gather_items, moe_gather},
    CpuKernel{"rms_norm_f32", sizeof(abi::RmsNormArguments), 2, rms_norm_items, rms_norm},
    CpuKernel{"rope_f32", sizeof(abi::RopeArguments), 3, rope_items, rope},
    CpuKernel{"router_f32", sizeof(abi::RouterArguments), 3, router_items, router},
    CpuKernel{"sample_f32", sizeof(abi::SampleArguments), 3, sample_items, sample},
};

}  // namespace

std::span<const CpuKernel> kernel_table() { return kKernels; }

}  // namespace marlin::cpu
