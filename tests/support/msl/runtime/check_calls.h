// SPDX-License-Identifier: Apache-2.0
// The functions that checked kernels call before every access, as clang and line_table.py name them; defined in
// checks.cc. Only kernel_library.cc needs them by name: kernels linked into the program are resolved by the linker.
#pragma once

#include <cstddef>
#include <cstdint>

struct MslTypeMismatch;
struct MslOutOfBounds;

extern "C" {
void msl_asan_load1(std::uintptr_t address);
void msl_asan_load2(std::uintptr_t address);
void msl_asan_load4(std::uintptr_t address);
void msl_asan_load8(std::uintptr_t address);
void msl_asan_load16(std::uintptr_t address);
void msl_asan_store1(std::uintptr_t address);
void msl_asan_store2(std::uintptr_t address);
void msl_asan_store4(std::uintptr_t address);
void msl_asan_store8(std::uintptr_t address);
void msl_asan_store16(std::uintptr_t address);
void msl_asan_loadN(std::uintptr_t address, std::size_t bytes);
void msl_asan_storeN(std::uintptr_t address, std::size_t bytes);
void* msl_asan_memcpy(void* to, const void* from, std::size_t bytes);
void* msl_asan_memmove(void* to, const void* from, std::size_t bytes);
void* msl_asan_memset(void* to, int value, std::size_t bytes);
void msl_ubsan_handle_type_mismatch_v1(const MslTypeMismatch* data, std::uintptr_t address);
void msl_ubsan_handle_out_of_bounds(const MslOutOfBounds* data, std::uintptr_t index);
}
