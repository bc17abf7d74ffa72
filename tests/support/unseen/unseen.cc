// SPDX-License-Identifier: Apache-2.0
#include "tests/support/unseen/unseen.h"

#include <cstdlib>
#include <new>

namespace marlin::test {
namespace {

thread_local bool is_allocating = false;

}  // namespace

void* allocate_unseen(std::size_t n_bytes, std::size_t alignment) {
  is_allocating = true;
  void* memory = alignment == 0 ? std::malloc(n_bytes == 0 ? 1 : n_bytes)
                                : std::aligned_alloc(alignment, (n_bytes / alignment + 1) * alignment);
  is_allocating = false;
  if (memory == nullptr) std::abort();
  return memory;
}

bool is_allocating_unseen() { return is_allocating; }

}  // namespace marlin::test

// Not inlined: seeing free() in one place and operator new in another, GCC would warn of a mismatch. Those for arrays
// have defaults that call these, but a sanitizer has its own.
[[gnu::noinline]] void* operator new(std::size_t n_bytes) { return marlin::test::allocate_unseen(n_bytes); }
[[gnu::noinline]] void* operator new[](std::size_t n_bytes) { return marlin::test::allocate_unseen(n_bytes); }
[[gnu::noinline]] void* operator new(std::size_t n_bytes, std::align_val_t alignment) {
  return marlin::test::allocate_unseen(n_bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new[](std::size_t n_bytes, std::align_val_t alignment) {
  return marlin::test::allocate_unseen(n_bytes, static_cast<std::size_t>(alignment));
}

[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*n_bytes*/) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t /*n_bytes*/) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*n_bytes*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t /*n_bytes*/,
                                         std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
