// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory_map.h"

#include <algorithm>
#include <cstring>

namespace msl {
namespace {

constexpr std::size_t kGap = 256;  // between threadgroup variables
constexpr std::size_t kMaxVariables = 256;
constexpr std::uintptr_t kNearby = 4096;

}  // namespace

MemoryMap::MemoryMap(std::size_t threadgroup_capacity) : arena_capacity_(threadgroup_capacity + kMaxVariables * kGap) {
  arena_ = std::make_unique<std::byte[]>(arena_capacity_ + kGap);
  arena_begin_ = (reinterpret_cast<std::uintptr_t>(arena_.get()) + kGap - 1) & ~std::uintptr_t{kGap - 1};
}

void MemoryMap::add_device(void* data, std::size_t size, std::string name, int touched) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  ranges_.push_back({begin, begin + size, false, std::move(name), touched});
}

void MemoryMap::add_resident(void* data, std::size_t size, std::string name, int touched) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  resident_.push_back({begin, begin + size, false, std::move(name), touched});
  resident_ends_.clear();
}

void* MemoryMap::add_threadgroup(std::size_t bytes, std::size_t alignment, std::string name) {
  const std::size_t step = std::max<std::size_t>(alignment, 16);
  const std::size_t offset = (arena_used_ + step - 1) / step * step;
  if (offset + bytes + kGap > arena_capacity_) return nullptr;
  arena_used_ = offset + bytes + kGap;
  const std::uintptr_t begin = arena_begin_ + offset;
  ranges_.push_back({begin, begin + bytes, true, std::move(name), -1});
  std::memset(reinterpret_cast<void*>(begin), 0xff, bytes);
  return reinterpret_cast<void*>(begin);
}

const MemoryRange* MemoryMap::find(std::uintptr_t address, std::size_t bytes) {
  const auto holds_all = [&](const MemoryRange& r) { return r.begin <= address && address + bytes <= r.end; };
  if (last_ < ranges_.size() && holds_all(ranges_[last_])) return &ranges_[last_];
  const MemoryRange* first_byte = nullptr;
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    if (holds_all(ranges_[i])) {
      last_ = i;
      return &ranges_[i];
    }
    if (ranges_[i].begin <= address && address < ranges_[i].end) first_byte = &ranges_[i];
  }
  return first_byte != nullptr ? first_byte : find_resident(address, bytes);
}

const MemoryRange* MemoryMap::find_resident(std::uintptr_t address, std::size_t bytes) {
  if (resident_ends_.empty()) {
    std::sort(resident_.begin(), resident_.end(),
              [](const MemoryRange& a, const MemoryRange& b) { return a.begin < b.begin; });
    std::uintptr_t end = 0;
    for (const MemoryRange& range : resident_) resident_ends_.push_back(end = std::max(end, range.end));
  }
  const auto after = std::upper_bound(resident_.begin(), resident_.end(), address,
                                      [](std::uintptr_t value, const MemoryRange& r) { return value < r.begin; });
  const MemoryRange* first_byte = nullptr;
  for (std::ptrdiff_t i = after - resident_.begin() - 1; i >= 0 && resident_ends_[i] > address; --i) {
    const MemoryRange& range = resident_[i];
    if (address + bytes <= range.end) return &range;
    if (address < range.end) first_byte = &range;
  }
  return first_byte;
}

const MemoryRange* MemoryMap::nearest(std::uintptr_t address) const {
  const MemoryRange* best = nullptr;
  std::uintptr_t best_distance = kNearby;
  for (const auto* ranges : {&ranges_, &resident_}) {
    for (const MemoryRange& range : *ranges) {
      const std::uintptr_t distance = address < range.begin ? range.begin - address : address - range.end;
      if (distance < best_distance) {
        best = &range;
        best_distance = distance;
      }
    }
  }
  return best;
}

void MemoryMap::poison_threadgroup_memory() { std::memset(reinterpret_cast<void*>(arena_begin_), 0xff, arena_used_); }

}  // namespace msl
