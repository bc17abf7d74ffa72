// SPDX-License-Identifier: Apache-2.0
// Random weights of a real model's geometry, made in memory: speed and memory can be measured at full size without the
// files. The numbers mean nothing, but stay finite through every layer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "model/tensor_source.h"

namespace marlin {

/// Names that synthetic_geometry knows.
std::vector<std::string> synthetic_names();

/// The configuration of a published model. Errors: kInvalidArgument listing the names.
ModelConfig synthetic_geometry(std::string_view name);

using SyntheticProgress = std::function<void(std::string_view stage, double fraction)>;

/// EXL3 tensors (mul1) of `bits` bits, head 6 bits, kv_b, router, norms and embedding in f16. Errors: kInvalidArgument
/// for bits outside 1..8, kOutOfMemory.
std::unique_ptr<TensorSource> make_synthetic_tensors(std::string name, const ModelConfig& config, int bits,
                                                     const SyntheticProgress& progress);

}  // namespace marlin
