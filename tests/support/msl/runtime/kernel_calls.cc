// SPDX-License-Identifier: Apache-2.0
// What translated kernels call (include/kernel_interface.h), on the fibre of one thread.
#include <algorithm>
#include <cstring>

#include "runtime/interpreter.h"

namespace msl {

void* bind_buffer(int parameter, std::size_t reference_bytes) {
  return Interpreter::current()->bound_buffer(parameter, reference_bytes);
}

void* bind_threadgroup(int parameter) { return Interpreter::current()->bound_threadgroup(parameter); }

std::uint32_t builtin_value(ParameterKind kind, int axis) { return Interpreter::current()->builtin(kind, axis); }

void* threadgroup_variable(int id, const char* name, std::size_t bytes, std::size_t alignment, Site site) {
  return Interpreter::current()->threadgroup_variable(id, name, bytes, alignment, site);
}

__attribute__((noinline)) void threadgroup_barrier(int flags, Site site) {
  Interpreter& interpreter = *Interpreter::current();
  Thread& thread = interpreter.thread();
  thread.site = site;
  thread.caller = __builtin_return_address(0);
  thread.operation = "threadgroup_barrier";
  thread.flags = flags;
  interpreter.park(ThreadState::kAtBarrier);
}

__attribute__((noinline)) void simdgroup_barrier(int flags, Site site) {
  Interpreter& interpreter = *Interpreter::current();
  Thread& thread = interpreter.thread();
  thread.site = site;
  thread.caller = __builtin_return_address(0);
  thread.operation = "simdgroup_barrier";
  thread.flags = flags;
  thread.is_simdgroup_barrier = true;
  interpreter.park(ThreadState::kAtSimdgroup);
}

const Exchange& exchange(const void* value, std::size_t bytes, const char* operation, bool whole, const void* caller,
                         Site site) {
  Interpreter& interpreter = *Interpreter::current();
  Thread& thread = interpreter.thread();
  std::memcpy(thread.value, value, std::min(bytes, sizeof(thread.value)));
  thread.site = site;
  thread.caller = caller;
  thread.operation = operation;
  thread.is_simdgroup_barrier = false;
  thread.needs_whole = whole;
  interpreter.park(ThreadState::kAtSimdgroup);
  return interpreter.exchange_of(thread);
}

void read_lane(const Exchange& from, int source, void* value, std::size_t bytes, const char* operation, Site site) {
  const bool active = source >= 0 && source < kSimdWidth && (from.active >> source & 1U) != 0;
  if (active) {
    std::memcpy(value, from.values[source], bytes);
    return;
  }
  std::memset(value, 0xff, bytes);
  Interpreter::current()->inactive_lane(operation, source, from.active, site);
}

void atomic_read(void* value, const volatile void* address, std::size_t bytes, AtomicAccess access, Site site) {
  Interpreter& interpreter = *Interpreter::current();
  const AccessKind kind = access == AtomicAccess::kLoad    ? AccessKind::kAtomicLoad
                          : access == AtomicAccess::kStore ? AccessKind::kAtomicStore
                                                           : AccessKind::kAtomicModify;
  const std::uint32_t place = interpreter.places().of(site);
  interpreter.check(reinterpret_cast<std::uintptr_t>(address), bytes, kind, place);
  std::memcpy(value, const_cast<const void*>(address), bytes);
}

void atomic_write(volatile void* address, const void* value, std::size_t bytes) {
  std::memcpy(const_cast<void*>(address), value, bytes);
}

}  // namespace msl
