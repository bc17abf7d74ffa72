// SPDX-License-Identifier: Apache-2.0
// The ceiling that kernels are held against: how fast this machine reads memory, with as many threads as the cpu
// backend.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/thread_pool.h"

namespace marlin {
namespace {

void read_memory(benchmark::State& state) {
  constexpr std::size_t kWords = std::size_t{1} << 26;  // 512 MiB, beyond every cache
  const std::vector<std::uint64_t> words(kWords, 1);
  ThreadPool pool(usable_processors());
  const std::size_t share = kWords / static_cast<std::size_t>(pool.size());
  for (auto _ : state) {
    std::atomic<std::uint64_t> sum{0};
    pool.run([&](int thread) {
      const auto* part = words.data() + static_cast<std::size_t>(thread) * share;
      std::array<std::uint64_t, 16> sums{};  // enough of them that memory, not addition, sets the pace
      for (std::size_t i = 0; i + sums.size() <= share; i += sums.size()) {
        for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += part[i + k];
      }
      sum += std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
    });
    benchmark::DoNotOptimize(sum.load());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(kWords * sizeof(std::uint64_t)));
}
BENCHMARK(read_memory)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace marlin
