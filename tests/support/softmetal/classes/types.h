// SPDX-License-Identifier: Apache-2.0
// Structs and constants of Metal's interfaces, with Metal's values.
#pragma once

namespace softmetal {

struct MetalSize {
  unsigned long width, height, depth;
};
struct Range {
  unsigned long location, length;
};

inline constexpr unsigned long kMaxBufferIndex = 30;
inline constexpr unsigned long kMaxSetBytes = 4096;
inline constexpr unsigned long kMaxResidencySets = 32;

// MTLResourceOptions
inline constexpr unsigned long kStorageModeShift = 4;
inline constexpr unsigned long kStorageModePrivate = 2;
inline constexpr unsigned long kHazardModeShift = 8;
inline constexpr unsigned long kHazardModeUntracked = 1;

inline constexpr unsigned long kDispatchTypeConcurrent = 1;
inline constexpr unsigned long kBarrierScopeBuffers = 1;
inline constexpr unsigned long kFailOnBinaryArchiveMiss = 4;

}  // namespace softmetal
