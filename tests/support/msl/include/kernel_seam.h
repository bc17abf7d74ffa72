// SPDX-License-Identifier: Apache-2.0
// The same seam as kernel_interface.h, as a table: what an object of kernels loaded at run time
// (runtime/kernel_library.h) is given, so that it needs no symbol of the program around it and no interpreter but the
// one that loaded it. Included by seam/seam.cc (inside the object, compiled by clang) and by the runtime.
#pragma once

#include "include/kernel_interface.h"

namespace msl {

/// The functions of kernel_interface.h, and those that the checks call.
struct Seam {
  decltype(&msl::bind_buffer) bind_buffer;
  decltype(&msl::bind_threadgroup) bind_threadgroup;
  decltype(&msl::builtin_value) builtin_value;
  decltype(&msl::threadgroup_variable) threadgroup_variable;
  decltype(&msl::threadgroup_barrier) threadgroup_barrier;
  decltype(&msl::simdgroup_barrier) simdgroup_barrier;
  decltype(&msl::exchange) exchange;
  decltype(&msl::read_lane) read_lane;
  decltype(&msl::atomic_read) atomic_read;
  decltype(&msl::atomic_write) atomic_write;

  using Access = void (*)(std::uintptr_t address);
  using AccessOfSize = void (*)(std::uintptr_t address, std::size_t bytes);
  Access load[5];  // of 1, 2, 4, 8 and 16 bytes
  Access store[5];
  AccessOfSize load_n;
  AccessOfSize store_n;
  void* (*copy)(void* to, const void* from, std::size_t bytes);
  void* (*move)(void* to, const void* from, std::size_t bytes);
  void* (*set)(void* to, int value, std::size_t bytes);
  void (*type_mismatch)(const void* data, std::uintptr_t address);
  void (*out_of_bounds)(const void* data, std::uintptr_t index);
};

/// What an object of kernels holds. Lives as long as the object.
struct ModuleContents {
  const KernelEntry* entries;
  std::size_t n_entries;
  const void* lines_begin;  // rows of its line table (line_table.cc)
  const void* lines_end;
};

/// The one function that such an object exports, under this name.
using OpenModule = void (*)(const Seam* seam, ModuleContents* contents);
inline constexpr const char* kOpenModule = "msl_open_module";

}  // namespace msl
