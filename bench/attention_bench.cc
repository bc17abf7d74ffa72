// SPDX-License-Identifier: Apache-2.0
// Latent attention on the cpu backend at the geometry of GLM-4.7-Flash, over caches beyond those of the processor.
// Reported: bytes of the key-value cache per second, each counted once (to hold against read_memory), and
// multiply-adds.
#include <benchmark/benchmark.h>

#include <numeric>

#include "abi/attention.h"
#include "abi/cache_vector.h"
#include "abi/row_place.h"
#include "backends/registry.h"
#include "device/encoder.h"

namespace marlin {
namespace {

void latent_attention(benchmark::State& state, abi::MatrixFormat format) {
  constexpr std::uint32_t kHeads = 20;
  constexpr std::uint32_t kRank = 512;
  constexpr std::uint32_t kRope = 64;
  constexpr std::size_t kLayers = 16;
  constexpr std::uint32_t kBlockShift = 4;
  const auto n_rows = static_cast<std::uint32_t>(state.range(0));
  const auto n_positions = static_cast<std::uint32_t>(state.range(1));
  const auto device = create_device("cpu", {});
  const std::size_t cache_bytes =
      std::size_t{n_positions} * abi::cache_vector_bytes(format, {.dim = kRank + kRope, .tail_dim = kRope});
  const std::size_t row_bytes = std::size_t{kHeads} * (kRank + kRope) * sizeof(float);
  const auto cache = device->allocate(kLayers * cache_bytes, "cache");
  const auto queries = device->allocate(n_rows * row_bytes, "queries");
  const auto out = device->allocate(n_rows * row_bytes, "out");
  const abi::LatentAttentionArguments arguments{.n_rows = n_rows,
                                                .n_heads = kHeads,
                                                .rank = kRank,
                                                .rope_dim = kRope,
                                                .q_row_stride = kHeads * kRope,
                                                .q_head_stride = kRope,
                                                .q_rope_offset = 0,
                                                .block_shift = kBlockShift,
                                                .scale = 1.0F,
                                                .cache_format = format};
  const auto places = device->allocate(n_rows * sizeof(abi::RowPlace), "places");
  const auto blocks = device->allocate((n_positions >> kBlockShift) * sizeof(std::uint32_t), "blocks");
  const BufferView all_places{places.get(), 0, places->size_bytes()};
  const BufferView all_blocks{blocks.get(), 0, blocks->size_bytes()};
  for (std::uint32_t row = 0; row < n_rows; ++row) {
    all_places.host_write<abi::RowPlace>()[row] = {n_positions - n_rows + row, 0};
  }
  std::iota(all_blocks.host_write<std::uint32_t>(),
            all_blocks.host_write<std::uint32_t>() + (n_positions >> kBlockShift), 0U);
  const BufferView all_queries{queries.get(), 0, queries->size_bytes()};
  const BufferView all_out{out.get(), 0, out->size_bytes()};
  for (auto _ : state) {
    const auto commands = device->create_command_buffer("bench");
    for (std::size_t layer = 0; layer < kLayers; ++layer) {
      const BufferView layer_cache{cache.get(), layer * cache_bytes, cache_bytes};
      commands->dispatch("latent_attention_f32", arguments,
                         {reads(all_queries), reads(all_queries), reads(layer_cache), reads(all_places),
                          reads(all_blocks), writes(all_out)});
    }
    commands->commit();
    commands->wait();
  }
  const auto done = static_cast<double>(state.iterations()) * kLayers;
  state.SetBytesProcessed(static_cast<std::int64_t>(done * static_cast<double>(cache_bytes)));
  state.counters["multiply_adds"] =
      benchmark::Counter(done * n_rows * n_positions * kHeads * (2 * kRank + kRope), benchmark::Counter::kIsRate);
}

void with_shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "positions"})
      ->ArgsProduct({{1}, {512, 4096, 16384}})
      ->ArgsProduct({{64}, {4096}})
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(latent_attention, f16, abi::MatrixFormat::kF16)->Apply(with_shapes);
BENCHMARK_CAPTURE(latent_attention, int8, abi::MatrixFormat::kInt8)->Apply(with_shapes);

}  // namespace
}  // namespace marlin
