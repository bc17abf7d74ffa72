// SPDX-License-Identifier: Apache-2.0
#include "ops/kernel_variant.h"

#include "base/error.h"

namespace marlin::ops {

abi::KernelVariant variant_for_batch(std::int64_t n_rows) {
  if (n_rows < 1) fail(ErrorCode::kInvalidArgument, "a batch has at least 1 row, got {}", n_rows);
  if (n_rows == 1) return abi::KernelVariant::kDecode;
  if (n_rows <= 16) return abi::KernelVariant::kPrefill4;
  return n_rows <= 32 ? abi::KernelVariant::kBase : abi::KernelVariant::kLargeBatch;
}

std::string_view variant_reason(abi::KernelVariant variant) {
  switch (variant) {
    case abi::KernelVariant::kDecode:
      return "one row: multiply while decoding";
    case abi::KernelVariant::kPrefill4:
      return "2 to 16 rows: decode once, four rows at a time";
    case abi::KernelVariant::kBase:
      return "17 to 32 rows: decode once for all";
    case abi::KernelVariant::kLargeBatch:
      return "more than 32 rows: tiles of 128 rows x 128 outputs of one expert";
  }
  return "";
}

}  // namespace marlin::ops
