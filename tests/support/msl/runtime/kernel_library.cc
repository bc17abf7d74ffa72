// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel_library.h"

#include <dlfcn.h>

#include "include/kernel_seam.h"
#include "runtime/check_calls.h"
#include "runtime/line_table.h"
#include "runtime/registry.h"

namespace msl {

class KernelLibrary {
 public:
  KernelTable kernels;
};

namespace {

Seam seam() {
  return {
      .bind_buffer = bind_buffer,
      .bind_threadgroup = bind_threadgroup,
      .builtin_value = builtin_value,
      .threadgroup_variable = threadgroup_variable,
      .threadgroup_barrier = threadgroup_barrier,
      .simdgroup_barrier = simdgroup_barrier,
      .exchange = exchange,
      .read_lane = read_lane,
      .atomic_read = atomic_read,
      .atomic_write = atomic_write,
      .load = {msl_asan_load1, msl_asan_load2, msl_asan_load4, msl_asan_load8, msl_asan_load16},
      .store = {msl_asan_store1, msl_asan_store2, msl_asan_store4, msl_asan_store8, msl_asan_store16},
      .load_n = msl_asan_loadN,
      .store_n = msl_asan_storeN,
      .copy = msl_asan_memcpy,
      .move = msl_asan_memmove,
      .set = msl_asan_memset,
      .type_mismatch = reinterpret_cast<void (*)(const void*, std::uintptr_t)>(msl_ubsan_handle_type_mismatch_v1),
      .out_of_bounds = reinterpret_cast<void (*)(const void*, std::uintptr_t)>(msl_ubsan_handle_out_of_bounds),
  };
}

}  // namespace

const KernelLibrary* load_kernel_library(const std::string& path, std::string& error) {
  void* object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* open = object != nullptr ? dlsym(object, kOpenModule) : nullptr;
  if (open == nullptr) {
    const char* why = dlerror();
    error = why != nullptr ? why : path + ": cannot be loaded";
    return nullptr;
  }
  static const Seam table = seam();
  ModuleContents contents{};
  reinterpret_cast<OpenModule>(open)(&table, &contents);
  add_lines(contents.lines_begin, contents.lines_end);
  auto* library = new KernelLibrary;  // for good, as the object
  for (std::size_t i = 0; i < contents.n_entries; ++i) library->kernels.add(contents.entries[i]);
  return library;
}

const Kernel* find_kernel(const KernelLibrary& library, std::string_view name) { return library.kernels.find(name); }

std::vector<std::string> kernel_names(const KernelLibrary& library) { return library.kernels.names(); }

}  // namespace msl
