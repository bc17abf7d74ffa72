// SPDX-License-Identifier: Apache-2.0
// Kernels of matrix products come in four variants, chosen by the number of token rows entering the layer. Any variant
// computes any number of rows, and gives a row the same bits whatever rows share the call; they differ in speed, and on
// some devices in the order of sums (DeviceInfo::variants_agree says where not). Kernels include it for the enum.
#pragma once

#include <cstdint>

#if !defined(__METAL_VERSION__)
#include <array>
#include <cstddef>
#include <string_view>
#endif

namespace marlin::abi {

enum class KernelVariant : std::uint32_t {
  kDecode = 0,      ///< one row: multiply while decoding (GEMV)
  kPrefill4 = 1,    ///< 2 to 16 rows: decode once, four rows at a time
  kBase = 2,        ///< 17 to 32 rows
  kLargeBatch = 3,  ///< more: work items are tiles of 128 rows x 128 outputs
};

#if !defined(__METAL_VERSION__)  // for the host

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

#endif

}  // namespace marlin::abi
