// SPDX-License-Identifier: Apache-2.0
// Anonymous page-aligned memory: what buffers, workspaces and caches are made of. Pages are zero and cost nothing until
// touched, so a long context that is never used takes no memory.
#pragma once

#include <cstddef>
#include <span>

namespace marlin {

/// Owns `size()` bytes of zeroed, page-aligned memory. Throws Error(kOutOfMemory) naming the size.
class PageMemory {
 public:
  PageMemory() = default;
  explicit PageMemory(std::size_t bytes);
  ~PageMemory();
  PageMemory(PageMemory&& other) noexcept;
  PageMemory& operator=(PageMemory&& other) noexcept;
  PageMemory(const PageMemory&) = delete;
  PageMemory& operator=(const PageMemory&) = delete;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Physical memory of this machine, in bytes.
std::size_t physical_memory_bytes();

/// Largest resident set of this process so far, in bytes.
std::size_t peak_resident_bytes();

}  // namespace marlin
