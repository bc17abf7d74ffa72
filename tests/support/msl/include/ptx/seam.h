// SPDX-License-Identifier: Apache-2.0
// The seam of kernel_interface.h on an NVIDIA GPU (translator/mslptx.py): a simdgroup is a warp, a threadgroup a block.
// There is no report of misuse here; compute-sanitizer looks for it.
#pragma once

#include "kernel_interface.h"

namespace msl {

/// The one parameter of every entry point: device addresses by buffer index. tools/metal-on-nvidia.py fills it.
struct Buffers {
  std::uint64_t addresses[31];
};

/// Simdgroup operations are for whole simdgroups here: a lane that is missing at one is found by synccheck.
inline constexpr unsigned kAllLanes = 0xffffffffU;

MSL_INLINE std::uint32_t of_axis(int axis, std::uint32_t x, std::uint32_t y, std::uint32_t z) {
  return axis == 0 ? x : axis == 1 ? y : z;
}
MSL_INLINE std::uint32_t thread_position(int axis) {
  return of_axis(axis, __nvvm_read_ptx_sreg_tid_x(), __nvvm_read_ptx_sreg_tid_y(), __nvvm_read_ptx_sreg_tid_z());
}
MSL_INLINE std::uint32_t threads(int axis) {
  return of_axis(axis, __nvvm_read_ptx_sreg_ntid_x(), __nvvm_read_ptx_sreg_ntid_y(), __nvvm_read_ptx_sreg_ntid_z());
}
MSL_INLINE std::uint32_t group_position(int axis) {
  return of_axis(axis, __nvvm_read_ptx_sreg_ctaid_x(), __nvvm_read_ptx_sreg_ctaid_y(), __nvvm_read_ptx_sreg_ctaid_z());
}
MSL_INLINE std::uint32_t groups(int axis) {
  return of_axis(axis, __nvvm_read_ptx_sreg_nctaid_x(), __nvvm_read_ptx_sreg_nctaid_y(),
                 __nvvm_read_ptx_sreg_nctaid_z());
}

MSL_INLINE std::uint32_t builtin_value(ParameterKind kind, int axis) {
  const std::uint32_t index = thread_position(0) + threads(0) * (thread_position(1) + threads(1) * thread_position(2));
  switch (kind) {
    case ParameterKind::kThreadgroupPositionInGrid:
      return group_position(axis);
    case ParameterKind::kThreadPositionInThreadgroup:
      return thread_position(axis);
    case ParameterKind::kThreadPositionInGrid:
      return group_position(axis) * threads(axis) + thread_position(axis);
    case ParameterKind::kThreadsPerThreadgroup:
    case ParameterKind::kDispatchThreadsPerThreadgroup:
      return threads(axis);
    case ParameterKind::kThreadgroupsPerGrid:
      return groups(axis);
    case ParameterKind::kThreadsPerGrid:
      return groups(axis) * threads(axis);
    case ParameterKind::kThreadIndexInThreadgroup:
      return index;
    case ParameterKind::kThreadIndexInSimdgroup:
      return index % kSimdWidth;
    case ParameterKind::kSimdgroupIndexInThreadgroup:
      return index / kSimdWidth;
    case ParameterKind::kSimdgroupsPerThreadgroup:
    case ParameterKind::kDispatchSimdgroupsPerThreadgroup:
      return (threads(0) * threads(1) * threads(2) + kSimdWidth - 1) / kSimdWidth;
    default:
      return kSimdWidth;
  }
}

MSL_INLINE void threadgroup_barrier(int /*flags*/, Site /*site*/) { __syncthreads(); }
MSL_INLINE void simdgroup_barrier(int /*flags*/, Site /*site*/) { __nvvm_bar_warp_sync(kAllLanes); }

/// Of atomics that are only loaded or stored; shim/atomic.h has the others.
MSL_INLINE void atomic_read(void* value, const volatile void* address, std::size_t /*bytes*/, AtomicAccess access,
                            Site /*site*/) {
  if (access == AtomicAccess::kLoad) *(int*)value = *(const volatile int*)address;
}
MSL_INLINE void atomic_write(volatile void* address, const void* value, std::size_t /*bytes*/) {
  *(volatile int*)address = *(const int*)value;
}

}  // namespace msl
