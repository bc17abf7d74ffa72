// SPDX-License-Identifier: Apache-2.0
// The replaced operators. Those for arrays and those that do not throw have defaults, which call these.
#include "allocation_counter.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MARLIN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MARLIN_SANITIZED 1
#endif
#endif

namespace {

std::atomic<std::uint64_t> n_allocations{0};  // operator new has no other place to count in

}  // namespace

#if defined(MARLIN_SANITIZED)

// A sanitizer's own operators tell it which delete belongs to which new: they stay, and it calls us for each
// allocation.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                                         void (*on_free)(const volatile void*));

// The tests' software devices, where they are linked: what they allocate is no more the program's than a driver's.
extern "C" [[gnu::weak]] bool softmetal_is_allocating();
extern "C" [[gnu::weak]] bool softcuda_is_allocating();

namespace {

[[maybe_unused]] const int kInstalled = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) {
      if (softmetal_is_allocating != nullptr && softmetal_is_allocating()) return;
      if (softcuda_is_allocating != nullptr && softcuda_is_allocating()) return;
      n_allocations.fetch_add(1, std::memory_order_relaxed);
    },
    [](const volatile void*) {});

}  // namespace

#else

namespace {

void* counted(void* memory) {
  n_allocations.fetch_add(1, std::memory_order_relaxed);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Not inlined: seeing free() in one place and operator new in another, GCC would warn of a mismatch.
[[gnu::noinline]] void* operator new(std::size_t n_bytes) { return counted(std::malloc(n_bytes == 0 ? 1 : n_bytes)); }

[[gnu::noinline]] void* operator new(std::size_t n_bytes, std::align_val_t alignment) {
  const auto unit = static_cast<std::size_t>(alignment);
  const std::size_t n_units = n_bytes / unit + (n_bytes % unit != 0 || n_bytes == 0 ? 1 : 0);
  if (n_units > SIZE_MAX / unit) throw std::bad_alloc();
  return counted(std::aligned_alloc(unit, n_units * unit));  // which takes whole units only
}

[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*n_bytes*/) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*n_bytes*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}

#endif

namespace marlin::app {

std::uint64_t allocation_count() { return n_allocations.load(std::memory_order_relaxed); }

}  // namespace marlin::app
