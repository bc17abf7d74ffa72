// SPDX-License-Identifier: Apache-2.0
// Kernels of matrix products come in four variants, chosen by the number of token rows entering the layer. Any variant
// computes any number of rows, and all give the same bits for the same row; they differ in speed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace marlin::abi {

enum class KernelVariant : std::uint32_t {
  kDecode = 0,      ///< one row: multiply while decoding (GEMV)
  kPrefill4 = 1,    ///< 2 to 16 rows: decode once, four rows at a time
  kBase = 2,        ///< 17 to 32 rows
  kLargeBatch = 3,  ///< more: work items are tiles of 128 rows x 128 outputs
};

inline constexpr std::array kAllVariants = {KernelVariant::kDecode, KernelVariant::kPrefill4, KernelVariant::kBase,
                                            KernelVariant::kLargeBatch};

constexpr std::string_view variant_name(KernelVariant variant) {
  constexpr std::array<std::string_view, 4> kNames = {"decode", "prefill4", "base", "large_batch"};
  return kNames[static_cast<std::size_t>(variant)];
}

/// Rows that one work item takes through each decoded weight.
constexpr std::uint32_t variant_row_tile(KernelVariant variant) {
  constexpr std::array<std::uint32_t, 4> kRows = {1, 16, 32, 128};
  return kRows[static_cast<std::size_t>(variant)];
}

}  // namespace marlin::abi
