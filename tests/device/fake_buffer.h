// SPDX-License-Identifier: Apache-2.0
// A buffer at an address of the test's choice, for what looks at addresses only: planner and checker. A view's host
// pointers may be taken, never used.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "device/buffer.h"

namespace marlin::test {

class FakeBuffer final : public Buffer {
 public:
  FakeBuffer(std::string label, std::uint64_t address, std::size_t bytes)
      : Buffer(std::move(label), bytes, address, std::bit_cast<std::byte*>(address)) {}

  [[nodiscard]] BufferView view(std::size_t offset, std::size_t bytes) { return {this, offset, bytes}; }
  [[nodiscard]] BufferView whole() { return view(0, size_bytes()); }
};

}  // namespace marlin::test
