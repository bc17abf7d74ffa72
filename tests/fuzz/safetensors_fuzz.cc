// SPDX-License-Identifier: Apache-2.0
// Fuzzes the safetensors reader: any bytes give tensors inside the file that do not overlap, or an Error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/error.h"
#include "io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  try {
    std::size_t total = 0;
    unsigned checksum = 0;
    for (const marlin::TensorView& tensor : marlin::parse_safetensors(file, "fuzz.safetensors")) {
      for (const std::byte byte : tensor.span()) checksum += std::to_integer<unsigned>(byte);
      total += tensor.bytes;
    }
    if (total > size) std::abort();
    volatile unsigned sink = checksum;  // keeps the reads above
    static_cast<void>(sink);
  } catch (const marlin::Error&) {
  }
  return 0;
}
