// SPDX-License-Identifier: Apache-2.0
// operator new of this library alone (softmetal.map keeps it inside): programs that replace theirs to count allocations
// do not see what the software device allocates, as they do not see what a driver does.
#include <cstdlib>
#include <new>

namespace {

void* checked(void* memory) {
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

// Not inlined: seeing free() in one place and operator new in another, GCC would warn of a mismatch.
[[gnu::noinline]] void* operator new(std::size_t n_bytes) { return checked(std::malloc(n_bytes == 0 ? 1 : n_bytes)); }

[[gnu::noinline]] void* operator new(std::size_t n_bytes, std::align_val_t alignment) {
  const auto unit = static_cast<std::size_t>(alignment);
  return checked(std::aligned_alloc(unit, (n_bytes / unit + 1) * unit));
}

[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*n_bytes*/) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*n_bytes*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
