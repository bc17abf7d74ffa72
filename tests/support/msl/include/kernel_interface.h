// SPDX-License-Identifier: Apache-2.0
// The seam between a translated kernel and the interpreter: what a kernel calls at run time and how it registers
// itself. Included by the shim (compiled by clang, as the kernel's C++) and by the runtime (compiled by the project's
// compiler), so it holds plain types only. Nothing here is for users; their header is runtime/msl.h.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__clang__)
#define MSL_CONVERGENT __attribute__((convergent))
#else
#define MSL_CONVERGENT
#endif

namespace msl {

inline constexpr int kSimdWidth = 32;

/// Where in a .metal file a call stands. Filled by default arguments, so that it survives any merging of code.
struct Site {
  const char* file;
  std::uint32_t line;
  std::uint32_t column;
};

/// What a kernel parameter is bound to.
enum class ParameterKind : int {
  kBuffer,
  kThreadgroup,
  kThreadgroupPositionInGrid,
  kThreadPositionInThreadgroup,
  kThreadPositionInGrid,
  kThreadsPerThreadgroup,
  kDispatchThreadsPerThreadgroup,
  kThreadgroupsPerGrid,
  kThreadsPerGrid,
  kThreadIndexInThreadgroup,
  kThreadIndexInSimdgroup,
  kSimdgroupIndexInThreadgroup,
  kSimdgroupsPerThreadgroup,
  kDispatchSimdgroupsPerThreadgroup,
  kThreadsPerSimdgroup,
};

struct Parameter {
  const char* name;
  ParameterKind kind;
  int index;      // of a buffer or of threadgroup memory
  bool optional;  // [[function_constant(f)]] beside it: may stay unbound
};

struct FunctionConstant {
  int index;
  const char* name;
  void* storage;
  std::size_t bytes;
  bool* defined;
  FunctionConstant* next;
};

/// One translated file.
struct Module {
  const char* file;
  bool checked;
  FunctionConstant* constants = nullptr;
};

struct KernelEntry {
  const char* name;
  Module* module;
  void (*run)();  // binds the parameters of the current thread and calls the kernel
  const Parameter* parameters;
  int n_parameters;
  int max_threads;  // [[max_total_threads_per_threadgroup(n)]], or 0
};

void register_kernel(const KernelEntry& entry);

struct KernelRegistrar {
  explicit KernelRegistrar(const KernelEntry& entry) { register_kernel(entry); }
};
struct ConstantRegistrar {
  ConstantRegistrar(Module& module, FunctionConstant& constant) {
    constant.next = module.constants;
    module.constants = &constant;
  }
};

/// The values of one simdgroup operation: of every lane that takes part in it.
struct Exchange {
  std::uint32_t active;
  alignas(32) unsigned char values[kSimdWidth][32];
};

enum class AtomicAccess : int { kLoad, kStore, kModify };

// Called on the fibre of one GPU thread.

/// `reference_bytes`: size of the type that a reference parameter refers to; 0 for pointers.
void* bind_buffer(int parameter, std::size_t reference_bytes);
void* bind_threadgroup(int parameter);
std::uint32_t builtin_value(ParameterKind kind, int axis);
/// Storage of the threadgroup variable `id` of the running kernel, the same for all threads of a threadgroup.
void* threadgroup_variable(int id, const char* name, std::size_t bytes, std::size_t alignment, Site site);
MSL_CONVERGENT void threadgroup_barrier(int flags, Site site);
MSL_CONVERGENT void simdgroup_barrier(int flags, Site site);
/// Waits for the other lanes; `whole` says that the operation is defined for complete simdgroups only, `caller` is the
/// return address in the kernel, which tells two inlined copies of one call apart.
MSL_CONVERGENT const Exchange& exchange(const void* value, std::size_t bytes, const char* operation, bool whole,
                                        const void* caller, Site site);
/// The value of lane `source` in `from`; an inactive one is reported and gives bytes of 0xff.
void read_lane(const Exchange& from, int source, void* value, std::size_t bytes, const char* operation, Site site);
void atomic_read(void* value, const volatile void* address, std::size_t bytes, AtomicAccess access, Site site);
void atomic_write(volatile void* address, const void* value, std::size_t bytes);

}  // namespace msl
