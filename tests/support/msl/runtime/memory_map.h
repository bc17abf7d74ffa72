// SPDX-License-Identifier: Apache-2.0
// What the threads of a launch may touch: bindings, resident ranges, and an arena in which threadgroup memory lies with
// gaps between its variables, so that running over the end of one never lands in the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/msl.h"

namespace msl {

struct MemoryRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool is_threadgroup = false;
  std::string name;
  int touched = -1;  // index into Result::touched
};

class MemoryMap {
 public:
  MemoryMap(std::size_t threadgroup_capacity);

  void add_device(void* data, std::size_t size, std::string name, int touched);
  /// Memory reached through addresses: there may be thousands of such ranges. Bindings come first where both hold a
  /// byte.
  void add_resident(void* data, std::size_t size, std::string name, int touched);
  /// Takes room in the arena; null when it is full.
  void* add_threadgroup(std::size_t bytes, std::size_t alignment, std::string name);
  /// A range that holds all of the access, or one that holds its first byte, or null.
  [[nodiscard]] const MemoryRange* find(std::uintptr_t address, std::size_t bytes);
  /// The range that the address lies nearest to, within a page, for messages; or null.
  [[nodiscard]] const MemoryRange* nearest(std::uintptr_t address) const;
  /// Threadgroup memory has no contents when a threadgroup starts: NaNs, as floats or halves.
  void poison_threadgroup_memory();

 private:
  [[nodiscard]] const MemoryRange* find_resident(std::uintptr_t address, std::size_t bytes);

  std::vector<MemoryRange> ranges_;
  std::vector<MemoryRange> resident_;          // sorted by begin when first searched
  std::vector<std::uintptr_t> resident_ends_;  // the largest end of those up to each: ranges may overlap
  std::size_t last_ = 0;
  std::unique_ptr<std::byte[]> arena_;
  std::uintptr_t arena_begin_ = 0;
  std::size_t arena_used_ = 0;
  std::size_t arena_capacity_ = 0;
};

}  // namespace msl
