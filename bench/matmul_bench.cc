// SPDX-License-Identifier: Apache-2.0
// Linear layers on the cpu backend: EXL3 by codebook, bits and rows, and f16, over weights beyond every cache: matrices
// of the size of an expert, one after another, wide (up) and narrow (down) in turn.
// Reported: bytes of weights per second (to hold against read_memory) and weights per second.
#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <vector>

#include "backends/registry.h"
#include "base/memory.h"
#include "ops/kernel_variant.h"
#include "ops/linear.h"

namespace marlin {
namespace {

constexpr std::int64_t kHidden = 2048;
constexpr std::int64_t kInner = 1536;
constexpr std::int64_t kMatrices = 32;
constexpr std::int64_t kWeights = kHidden * kInner * kMatrices;

/// Matrices of pseudo-random weights; scales are 1.
struct BenchMatrices {
  explicit BenchMatrices(std::size_t weight_bytes, const abi::Matrix& kind)
      : weights(weight_bytes), scales(2 * kHidden) {
    std::uint64_t state = 1;
    for (std::size_t i = 0; i + 8 <= weights.size(); i += 8) {
      state = state * 6364136223846793005 + 1442695040888963407;
      const std::uint64_t word = state & 0xBFFFBFFFBFFFBFFF;  // no f16 infinities, whatever the format
      std::memcpy(weights.data() + i, &word, 8);
    }
    for (std::size_t i = 0; i < scales.size(); i += 2) {
      constexpr std::uint16_t kOne = 0x3C00;
      std::memcpy(scales.data() + i, &kOne, 2);
    }
    for (std::size_t i = 0; i < kMatrices; ++i) {
      abi::Matrix matrix = kind;
      matrix.weights = reinterpret_cast<std::uint64_t>(weights.data() + i * (weight_bytes / kMatrices));
      matrix.input_scale = matrix.output_scale = reinterpret_cast<std::uint64_t>(scales.data());
      matrix.n_in = matrix.stored_in = static_cast<std::uint32_t>(i % 2 == 0 ? kHidden : kInner);
      matrix.n_out = matrix.stored_out = static_cast<std::uint32_t>(i % 2 == 0 ? kInner : kHidden);
      matrices.push_back(matrix);
    }
  }

  PageMemory weights;
  PageMemory scales;
  std::vector<abi::Matrix> matrices;
};

void run_linear(benchmark::State& state, const BenchMatrices& bench, std::int64_t n_rows) {
  const auto device = create_device("cpu", {});
  const auto floats = [&](std::int64_t n) { return device->allocate(static_cast<std::size_t>(n) * 4, "bench"); };
  const auto x = floats(n_rows * kHidden);
  const auto y = floats(n_rows * kHidden);
  const auto scratch = floats(n_rows * kHidden);
  const auto view = [](Buffer& buffer) { return BufferView{&buffer, 0, buffer.size_bytes()}; };
  for (auto _ : state) {
    const auto commands = device->create_command_buffer("bench");
    for (const abi::Matrix& matrix : bench.matrices) {
      ops::linear(*commands, matrix, {view(*x), kHidden}, {view(*y), kHidden}, n_rows, view(*scratch),
                  ops::variant_for_batch(n_rows));
    }
    commands->commit();
    commands->wait();
  }
  const auto iterations = static_cast<double>(state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(iterations * static_cast<double>(bench.weights.size())));
  state.counters["weights"] =
      benchmark::Counter(iterations * static_cast<double>(kWeights), benchmark::Counter::kIsRate);
  state.SetLabel(device->info().name);
}

void exl3(benchmark::State& state) {
  abi::Matrix kind{};
  kind.format = abi::MatrixFormat::kExl3;
  kind.codebook = static_cast<abi::TrellisCodebook>(state.range(0));
  kind.bits = static_cast<std::uint32_t>(state.range(1));
  run_linear(state, BenchMatrices(static_cast<std::size_t>(kWeights / 8 * state.range(1)), kind), state.range(2));
}
BENCHMARK(exl3)
    ->ArgNames({"codebook", "bits", "rows"})
    ->ArgsProduct({{2}, {2, 3, 4, 6}, {1}})
    ->ArgsProduct({{0, 1}, {3}, {1}})
    ->ArgsProduct({{2}, {3}, {2, 8, 64}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void f16(benchmark::State& state) {
  abi::Matrix kind{};
  kind.format = abi::MatrixFormat::kF16;
  run_linear(state, BenchMatrices(static_cast<std::size_t>(kWeights * 2), kind), state.range(0));
}
BENCHMARK(f16)->ArgName("rows")->Arg(1)->Arg(8)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace marlin
