// SPDX-License-Identifier: Apache-2.0
// Element types of tensors in files, as safetensors names them. Only whole-byte types: a file with 4- or 6-bit floats
// is refused as an unknown dtype.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace marlin {

enum class DType : std::uint8_t {
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kF8E4M3,
  kF8E5M2,
  kF8E8M0,
  kF16,
  kBF16,
  kF32,
  kF64,
};

/// Bytes of one element.
std::size_t dtype_bytes(DType dtype);

/// The name in a safetensors header: "BF16".
std::string_view dtype_name(DType dtype);

/// The type of that name, or nothing.
std::optional<DType> parse_dtype(std::string_view name);

}  // namespace marlin
