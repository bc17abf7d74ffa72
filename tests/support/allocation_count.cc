// SPDX-License-Identifier: Apache-2.0
// The replaced operators. Those for arrays and for over-aligned types have defaults: the former call these, the latter
// are used by no code of this project.
#include "tests/support/allocation_count.h"

#include <atomic>
#include <cstdlib>
#include <new>

// A sanitizer brings its own operator new, which cannot be replaced everywhere.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MARLIN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MARLIN_SANITIZED 1
#endif
#endif

namespace {
std::atomic<long> n_allocations{0};  // operator new has no other place to count in
}  // namespace

#if !defined(MARLIN_SANITIZED)
// Not inlined: seeing free() in one place and operator new in another, GCC would warn of a mismatch.
[[gnu::noinline]] void* operator new(std::size_t n_bytes) {
  ++n_allocations;
  if (void* memory = std::malloc(n_bytes == 0 ? 1 : n_bytes); memory != nullptr) {
    return memory;
  }
  throw std::bad_alloc();
}

[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*n_bytes*/) noexcept { std::free(memory); }
#endif

namespace marlin::test {

bool counts_allocations() {
#if defined(MARLIN_SANITIZED)
  return false;
#else
  return true;
#endif
}

long allocation_count() { return n_allocations; }

}  // namespace marlin::test
