// SPDX-License-Identifier: Apache-2.0
// A launch as a command buffer keeps it: the kernel's parameter and shape, without padding, so that two launches are
// the same if their bytes are.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "backends/cuda/kernel.h"

namespace marlin::cuda {

struct RecordedLaunch {
  KernelCall call{};
  void (*function)(KernelCall) = nullptr;
  Grid grid;
  std::uint32_t n_threads = 0;
  std::uint32_t shared_bytes = 0;
  std::uint32_t barrier = 0;  // whether it must not start before all launches in front of it have ended
};
static_assert(std::has_unique_object_representations_v<RecordedLaunch>, "compared as bytes");

inline bool operator==(const RecordedLaunch& a, const RecordedLaunch& b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

/// Whether they differ in their parameter alone.
inline bool same_shape(const RecordedLaunch& a, const RecordedLaunch& b) {
  return a.function == b.function && a.grid.x == b.grid.x && a.grid.y == b.grid.y && a.grid.z == b.grid.z &&
         a.n_threads == b.n_threads && a.shared_bytes == b.shared_bytes && a.barrier == b.barrier;
}

}  // namespace marlin::cuda
