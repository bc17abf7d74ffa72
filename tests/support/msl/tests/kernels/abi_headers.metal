// SPDX-License-Identifier: Apache-2.0
// Headers of src/abi that kernels may include as they are, read as Metal reads them. The others hold more than argument
// structs, and tests/abi_test.py says of each why it cannot be here.
#include <metal_stdlib>

#include "abi/attention.h"
#include "abi/cache_vector.h"
#include "abi/copy.h"
#include "abi/embed.h"
#include "abi/fill.h"
#include "abi/finite_guard.h"
#include "abi/kernel_failure.h"
#include "abi/kernel_variant.h"
#include "abi/kv_append.h"
#include "abi/mask_logits.h"
#include "abi/matmul.h"
#include "abi/matrix.h"
#include "abi/moe.h"
#include "abi/rms_norm.h"
#include "abi/rope.h"
#include "abi/row_place.h"
#include "abi/sample.h"
#include "abi/sample_math.h"

using namespace metal;
using namespace marlin;

// Addresses inside structs inside device memory, as experts are found. Grid: any; each thread reads one expert.
kernel void test_expert_table(constant abi::MoeArguments& arguments [[buffer(0)]], device uint* out [[buffer(1)]],
                              uint t [[thread_position_in_grid]]) {
  if (t >= arguments.n_experts) return;
  const device abi::Expert* experts = reinterpret_cast<const device abi::Expert*>(arguments.experts);
  const bool is_trellis = experts[t].gate.format == abi::MatrixFormat::kExl3;
  const device uchar* weights = reinterpret_cast<const device uchar*>(experts[t].gate.weights);
  out[t] = (is_trellis ? 1000u : 0u) + weights[experts[t].gate.bits];
}
