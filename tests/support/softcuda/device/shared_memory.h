// SPDX-License-Identifier: Apache-2.0
// Shared memory of the block that runs: the static variables of all kernels, and dynamic memory. It is filled with
// poison before each block, so that a block that reads what it has not written sees NaN.
//
// Surprise: of the static variables a launch poisons all before its first block, but before the others only those that
// blocks of this kernel were seen to change: all of them together are too large to be filled for every block.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "device/symbols.h"

namespace softcuda {

inline constexpr int kPoison = 0xFF;

class SharedMemory {
 public:
  SharedMemory(const void* kernel, std::size_t dynamic_bytes);

  void before_block();
  void after_block();
  [[nodiscard]] void* dynamic() const { return dynamic_.get(); }

 private:
  struct Free {
    void operator()(void* memory) const;
  };

  std::vector<Variable>& used_;  // by this kernel, as far as known
  std::unique_ptr<void, Free> dynamic_;
  std::size_t dynamic_bytes_;
  bool is_first_ = true;
};

}  // namespace softcuda
