// SPDX-License-Identifier: Apache-2.0
// Gives equal items one number. The simulation of a grammar keeps its stacks, the configurations it has seen and the
// states of a walk in such tables. Surprise: copying one is two vector copies, because states of a grammar are copied.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace marlin {

/// `Hash` maps a T to a std::size_t whose low bits are well mixed.
template <typename T, typename Hash>
class InternTable {
 public:
  struct Inserted {
    std::uint32_t index;
    bool is_new;
  };

  /// The number of `item`: as many as there were before it, if it is new.
  Inserted insert(const T& item) {
    if (slots_.size() < 2 * (items_.size() + 1)) grow();
    std::size_t slot = Hash{}(item) & (slots_.size() - 1);
    while (slots_[slot] != 0) {
      if (items_[slots_[slot] - 1] == item) return {slots_[slot] - 1, false};
      slot = (slot + 1) & (slots_.size() - 1);
    }
    items_.push_back(item);
    slots_[slot] = static_cast<std::uint32_t>(items_.size());
    return {static_cast<std::uint32_t>(items_.size() - 1), true};
  }

  [[nodiscard]] const T& operator[](std::uint32_t index) const { return items_[index]; }
  [[nodiscard]] std::size_t size() const { return items_.size(); }

  void clear() {
    if (items_.empty()) return;
    items_.clear();
    std::fill(slots_.begin(), slots_.end(), 0);
  }

 private:
  void grow() {
    slots_.assign(std::max<std::size_t>(32, 2 * slots_.size()), 0);
    for (std::size_t i = 0; i < items_.size(); ++i) {
      std::size_t slot = Hash{}(items_[i]) & (slots_.size() - 1);
      while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = static_cast<std::uint32_t>(i + 1);
    }
  }

  std::vector<T> items_;
  std::vector<std::uint32_t> slots_;  // index + 1; 0 is free
};

/// Mixes `value` into `hash`; the low bits are good after the last value.
inline std::size_t mix_hash(std::size_t hash, std::size_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15U;
  return hash ^ (hash >> 32U);
}

}  // namespace marlin
