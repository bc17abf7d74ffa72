// SPDX-License-Identifier: Apache-2.0
// The program's operator new is its own: what the software device allocates is not counted by it.
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/softmetal/tests/bench.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if !defined(SANITIZED)

namespace {
std::atomic<long> n_allocations{0};
}

[[gnu::noinline]] void* operator new(std::size_t n_bytes) {
  ++n_allocations;
  void* memory = std::malloc(n_bytes == 0 ? 1 : n_bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*n_bytes*/) noexcept { std::free(memory); }

namespace softmetal::test {
namespace {

using Isolation = Bench;

TEST_F(Isolation, TheDeviceAllocatesUnseen) {
  static std::atomic<int> n_calls;
  n_calls = 0;
  GlobalBlock block{.invoke = [](GlobalBlock* /*self*/, Id /*argument*/) { ++n_calls; },
                    .descriptor = &kGlobalBlockDescriptor};
  const long before = n_allocations;
  {
    Pool pool;
    for (int i = 0; i < 10; ++i) {
      Id commands = Bench::commands();
      Id encoder = Bench::encoder(commands, kConcurrent);
      encode_scale(encoder, x_, y_, 2);
      send<void>(encoder, "memoryBarrierWithScope:", 1UL);
      encode_scale(encoder, y_, x_, 0.5F);
      end(encoder);
      send<void, void*>(commands, "addCompletedHandler:", &block);
      commit(commands);
      wait(commands);
    }
  }
  EXPECT_EQ(n_allocations - before, 0);
  EXPECT_EQ(n_calls, 10);
}

}  // namespace
}  // namespace softmetal::test

#endif
