// SPDX-License-Identifier: Apache-2.0
// Linked into every object of kernels that is loaded at run time: forwards what the kernels call to the interpreter
// that loaded the object. Compiled by clang, because forwarding must be a jump: the interpreter tells places in a
// kernel apart by the return address. No C++ library here, so that loading costs the program no operator new.
#include <cstdlib>
#include <cstring>

#include "include/kernel_seam.h"

namespace {

// Until the interpreter has introduced itself only static initialisers run: nothing to check.
void no_access(std::uintptr_t /*address*/) {}
void no_access_of_size(std::uintptr_t /*address*/, std::size_t /*bytes*/) {}
void no_complaint(const void* /*data*/, std::uintptr_t /*value*/) {}

msl::Seam seam = {
    .load = {no_access, no_access, no_access, no_access, no_access},
    .store = {no_access, no_access, no_access, no_access, no_access},
    .load_n = no_access_of_size,
    .store_n = no_access_of_size,
    .copy = std::memcpy,
    .move = std::memmove,
    .set = std::memset,
    .type_mismatch = no_complaint,
    .out_of_bounds = no_complaint,
};

msl::KernelEntry* entries = nullptr;
std::size_t n_entries = 0;

}  // namespace

// Not for a function that takes `Site` on the stack: clang 14 then jumps with the return address overwritten.
// exchange() is told its caller, and read_lane() needs none.
#define FORWARD(call) [[clang::musttail]] return seam.call

namespace msl {

void register_kernel(const KernelEntry& entry) {
  entries = static_cast<KernelEntry*>(std::realloc(entries, (n_entries + 1) * sizeof(KernelEntry)));
  if (entries == nullptr) std::abort();
  entries[n_entries++] = entry;
}

void* bind_buffer(int parameter, std::size_t reference_bytes) { FORWARD(bind_buffer(parameter, reference_bytes)); }
void* bind_threadgroup(int parameter) { FORWARD(bind_threadgroup(parameter)); }
std::uint32_t builtin_value(ParameterKind kind, int axis) { FORWARD(builtin_value(kind, axis)); }
void* threadgroup_variable(int id, const char* name, std::size_t bytes, std::size_t alignment, Site site) {
  FORWARD(threadgroup_variable(id, name, bytes, alignment, site));
}
void threadgroup_barrier(int flags, Site site) { FORWARD(threadgroup_barrier(flags, site)); }
void simdgroup_barrier(int flags, Site site) { FORWARD(simdgroup_barrier(flags, site)); }
const Exchange& exchange(const void* value, std::size_t bytes, const char* operation, bool whole, const void* caller,
                         Site site) {
  return seam.exchange(value, bytes, operation, whole, caller, site);
}
void read_lane(const Exchange& from, int source, void* value, std::size_t bytes, const char* operation, Site site) {
  return seam.read_lane(from, source, value, bytes, operation, site);
}
void atomic_read(void* value, const volatile void* address, std::size_t bytes, AtomicAccess access, Site site) {
  FORWARD(atomic_read(value, address, bytes, access, site));
}
void atomic_write(volatile void* address, const void* value, std::size_t bytes) {
  FORWARD(atomic_write(address, value, bytes));
}

}  // namespace msl

// The linker defines these for a section whose name is an identifier.
extern "C" {
extern const char __start_msl_lines[]
    __attribute__((weak, visibility("hidden")));  // NOLINT(bugprone-reserved-identifier)
extern const char __stop_msl_lines[]
    __attribute__((weak, visibility("hidden")));  // NOLINT(bugprone-reserved-identifier)

#define ACCESS(bytes, i)                                                           \
  void msl_asan_load##bytes(std::uintptr_t address) { FORWARD(load[i](address)); } \
  void msl_asan_store##bytes(std::uintptr_t address) { FORWARD(store[i](address)); }
ACCESS(1, 0)
ACCESS(2, 1)
ACCESS(4, 2)
ACCESS(8, 3)
ACCESS(16, 4)

void msl_asan_loadN(std::uintptr_t address, std::size_t bytes) { FORWARD(load_n(address, bytes)); }
void msl_asan_storeN(std::uintptr_t address, std::size_t bytes) { FORWARD(store_n(address, bytes)); }
void* msl_asan_memcpy(void* to, const void* from, std::size_t bytes) { FORWARD(copy(to, from, bytes)); }
void* msl_asan_memmove(void* to, const void* from, std::size_t bytes) { FORWARD(move(to, from, bytes)); }
void* msl_asan_memset(void* to, int value, std::size_t bytes) { FORWARD(set(to, value, bytes)); }
void msl_ubsan_handle_type_mismatch_v1(const void* data, std::uintptr_t address) {
  FORWARD(type_mismatch(data, address));
}
void msl_ubsan_handle_out_of_bounds(const void* data, std::uintptr_t index) { FORWARD(out_of_bounds(data, index)); }
void msl_asan_init() {}
void msl_asan_version_mismatch_check_v8() {}
void msl_asan_handle_no_return() {}
void msl_asan_before_dynamic_init(const char* /*module*/) {}
void msl_asan_after_dynamic_init() {}

__attribute__((visibility("default"))) void msl_open_module(const msl::Seam* given, msl::ModuleContents* contents) {
  seam = *given;
  *contents = {entries, n_entries, __start_msl_lines, __stop_msl_lines};
}

}  // extern "C"
