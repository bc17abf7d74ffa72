// SPDX-License-Identifier: Apache-2.0
#include "host/allocations.h"

#include <cstdlib>
#include <cstring>
#include <iterator>

#include "device/shared_memory.h"

namespace softcuda {

Allocations& Allocations::instance() {
  static auto* instance = new Allocations;  // for good: threads of streams outlive main()
  return *instance;
}

void* Allocations::allocate(Place place, std::size_t n_bytes, std::uint64_t limit) {
  const std::lock_guard lock(mutex_);
  std::uint64_t& used = used_[static_cast<int>(place)];
  void* memory = nullptr;
  constexpr std::size_t kAlignment = 256;
  if (n_bytes > limit || used > limit - n_bytes || posix_memalign(&memory, kAlignment, n_bytes) != 0) return nullptr;
  std::memset(memory, kPoison, n_bytes);
  ranges_[reinterpret_cast<std::uintptr_t>(memory)] = {n_bytes, place};
  used += n_bytes;
  return memory;
}

bool Allocations::release(Place place, void* address) {
  const std::lock_guard lock(mutex_);
  const auto found = ranges_.find(reinterpret_cast<std::uintptr_t>(address));
  if (found == ranges_.end() || found->second.place != place) return false;
  used_[static_cast<int>(place)] -= found->second.n_bytes;
  ranges_.erase(found);
  std::free(address);
  return true;
}

std::uint64_t Allocations::bytes_in_use(Place place) {
  const std::lock_guard lock(mutex_);
  return used_[static_cast<int>(place)];
}

Place Allocations::place_of(const void* address, std::size_t n_bytes) {
  const std::lock_guard lock(mutex_);
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  const auto after = ranges_.upper_bound(first);
  if (after == ranges_.begin()) return Place::kPageable;
  const auto& [begin, range] = *std::prev(after);
  const std::uintptr_t offset = first - begin;
  return offset <= range.n_bytes && n_bytes <= range.n_bytes - offset ? range.place : Place::kPageable;
}

bool Allocations::touches_device(const void* address, std::size_t n_bytes) {
  const std::lock_guard lock(mutex_);
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  for (auto range = ranges_.lower_bound(first + n_bytes); range != ranges_.begin();) {
    --range;
    if (range->first + range->second.n_bytes <= first) return false;
    if (range->second.place == Place::kDevice) return true;
  }
  return false;
}

}  // namespace softcuda
