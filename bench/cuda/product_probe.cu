// SPDX-License-Identifier: Apache-2.0
// Times the products of the cuda backend alone, on the shapes of GLM-4.7-Flash, and checks a block of outputs of each
// against scalar code. A graph holds enough launches over different weights that L2 cannot serve them; what is printed
// is the best of its runs. Built by hand:
//   nvcc -std=c++20 -O3 -arch=sm_90 --expt-relaxed-constexpr -Isrc -Iinclude bench/cuda/product_probe.cu
//        src/backends/cuda/kernels/{matmul,matmul_3inst,matmul_mcg,matmul_mul1,moe,moe_few_rows,moe_tiles}.cu -o probe
//   ./probe [linear|bits|plain|experts]...
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "abi/matmul.h"
#include "abi/moe.h"
#include "backends/cuda/kernel.h"

namespace {

using namespace marlin;

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::printf("%s: %s\n", what, cudaGetErrorString(error));
  std::exit(1);
}

std::mt19937 random_bits(1);

/// Device memory that stays until the end.
std::byte* allocate(std::size_t bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes), "cudaMalloc");
  return static_cast<std::byte*>(memory);
}

template <typename T>
T* upload(const std::vector<T>& values) {
  auto* memory = reinterpret_cast<T*>(allocate(values.size() * sizeof(T)));
  check(cudaMemcpy(memory, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  return memory;
}

template <typename T>
std::vector<T> download(const T* memory, std::size_t n) {
  std::vector<T> values(n);
  check(cudaMemcpy(values.data(), memory, n * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
  return values;
}

/// Random weights of all matrices, cut from one allocation that is filled once.
class WeightPool {
 public:
  explicit WeightPool(std::size_t bytes) : memory_(allocate(bytes)), bytes_(bytes) {
    std::vector<std::uint32_t> part(std::min<std::size_t>(bytes, 32 << 20) / 4);
    for (auto& word : part) word = random_bits();
    for (std::size_t at = 0; at < bytes; at += part.size() * 4) {
      const std::size_t n = std::min(bytes - at, part.size() * 4);
      check(cudaMemcpy(memory_ + at, part.data(), n, cudaMemcpyHostToDevice), "cudaMemcpy");
      std::rotate(part.begin(), part.begin() + 4099, part.end());
    }
  }

  /// As in files: at a multiple of 4 that is none of 16.
  std::uint64_t cut(std::size_t bytes) {
    const std::size_t room = (bytes + 127) / 128 * 128 + 128;
    if (next_ + room > bytes_) next_ = 0;
    const std::size_t at = next_;
    next_ += room;
    return reinterpret_cast<std::uint64_t>(memory_ + at + 4);
  }

 private:
  std::byte* memory_;
  std::size_t bytes_;
  std::size_t next_ = 0;
};

abi::Matrix exl3_matrix(WeightPool& pool, std::uint32_t n_in, std::uint32_t n_out, std::uint32_t bits,
                        abi::TrellisCodebook codebook) {
  abi::Matrix m{};
  m.n_in = n_in;
  m.n_out = n_out;
  m.stored_in = (n_in + 127) / 128 * 128;
  m.stored_out = (n_out + 127) / 128 * 128;
  m.format = abi::MatrixFormat::kExl3;
  m.bits = bits;
  m.codebook = codebook;
  m.weights = pool.cut(abi::weight_bytes(m));
  std::vector<__half> scales(std::max(m.stored_in, m.stored_out));
  for (auto& s : scales) s = __float2half(random_bits() % 2 == 0 ? 0.02F : -0.02F);
  m.input_scale = reinterpret_cast<std::uint64_t>(upload(scales));
  for (auto& s : scales) s = __float2half(random_bits() % 2 == 0 ? 0.7F : -0.8F);
  m.output_scale = reinterpret_cast<std::uint64_t>(upload(scales));
  return m;
}

// ---- launches

cuda::GpuLimits gpu;
cudaStream_t stream;
std::byte* scratch;
std::uint32_t* counters;
constexpr std::size_t kScratchBytes = std::size_t{256} << 20;
constexpr std::size_t kCounters = 1 << 20;

template <typename Arguments>
void launch(std::span<const cuda::CudaKernel> kernels, std::string_view name, const Arguments& arguments,
            std::initializer_list<const void*> bindings) {
  const auto kernel = std::find_if(kernels.begin(), kernels.end(), [&](const auto& k) { return k.name == name; });
  cuda::KernelCall call{};
  std::memcpy(call.arguments_, &arguments, sizeof(arguments));
  std::transform(bindings.begin(), bindings.end(), call.bindings_, [](const void* b) { return const_cast<void*>(b); });
  call.scratch = scratch;
  call.counters = counters;
  const cuda::Launch l = kernel->launch(call.arguments_, gpu);
  if (l.scratch_bytes > kScratchBytes || l.n_counters > kCounters) check(cudaErrorMemoryAllocation, "scratch");
  const auto* function = reinterpret_cast<const void*>(l.function);
  check(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(l.shared_bytes)),
        "cudaFuncSetAttribute");
  void* parameters[] = {&call};
  check(cudaLaunchKernel(function, dim3(l.grid.x, l.grid.y, l.grid.z), dim3(l.n_threads), parameters, l.shared_bytes,
                         stream),
        "cudaLaunchKernel");
}

/// Microseconds of one of n calls in a graph.
double time_us(int n, const std::function<void(int)>& call) {
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "capture");
  for (int i = 0; i < n; ++i) call(i);
  check(cudaStreamEndCapture(stream, &graph), "capture");
  check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
  cudaEvent_t begin;
  cudaEvent_t end;
  check(cudaEventCreate(&begin), "cudaEventCreate");
  check(cudaEventCreate(&end), "cudaEventCreate");
  float best = 1e9F;
  for (int i = 0; i < 8; ++i) {
    check(cudaEventRecord(begin, stream), "cudaEventRecord");
    check(cudaGraphLaunch(executable, stream), "cudaGraphLaunch");
    check(cudaEventRecord(end, stream), "cudaEventRecord");
    check(cudaEventSynchronize(end), "run");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, begin, end), "cudaEventElapsedTime");
    if (i > 1) best = std::min(best, ms);
  }
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  return 1000.0 * best / n;
}

void print_line(const char* what, const char* verdict, double us, double weights, double bytes, double flops) {
  std::printf("%-52s %-6s %9.2f us  %6.3f Tweights/s  %6.3f TB/s  %7.1f TFLOP/s\n", what, verdict, us,
              weights / us * 1e-6, bytes / us * 1e-6, flops / us * 1e-6);
  std::fflush(stdout);
}

// ---- the truth, for one block of outputs of one row

float decoded(std::uint32_t s, abi::TrellisCodebook codebook) {
  if (codebook == abi::TrellisCodebook::kMul1) {
    const std::uint32_t h = s * 0x83DCD12DU;
    const int b = static_cast<int>((h & 255U) + (h >> 8U & 255U) + (h >> 16U & 255U) + (h >> 24U));
    return __half2float(__float2half_rn(static_cast<float>(1774 * b - 905216) / 262144.0F));
  }
  const std::uint32_t h = codebook == abi::TrellisCodebook::kMcg ? s * 0xCBAC1FEDU : s * 89226354U + 64248484U;
  const std::uint32_t pair = (h & 0x8FFF8FFFU) ^ 0x3B603B60U;
  const auto half = [](std::uint32_t bits) {
    return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
  };
  return __half2float(__float2half_rn(half(pair & 0xFFFFU) + half(pair >> 16U)));
}

void hadamard(double* v) {
  for (int d = 1; d < 128; d *= 2) {
    for (int i = 0; i < 128; ++i) {
      if ((i & d) != 0) continue;
      const double a = v[i];
      v[i] = (a + v[i + d]) * std::sqrt(0.5);
      v[i + d] = (a - v[i + d]) * std::sqrt(0.5);
    }
  }
}

std::vector<double> first_block(const abi::Matrix& m, const float* x) {
  const auto suh = download(reinterpret_cast<const __half*>(m.input_scale), m.stored_in);
  const auto svh = download(reinterpret_cast<const __half*>(m.output_scale), 128);
  std::vector<double> v(m.stored_in);
  for (std::uint32_t i = 0; i < m.n_in; ++i) v[i] = static_cast<double>(x[i]) * __half2float(suh[i]);
  for (std::uint32_t i = 0; i < m.stored_in; i += 128) hadamard(&v[i]);
  const std::uint32_t n_words = 8 * m.bits;
  const auto words = download(reinterpret_cast<const std::uint32_t*>(m.weights), abi::weight_bytes(m) / 4);
  std::vector<double> y(128);
  for (std::uint32_t k = 0; k < m.stored_in / 16; ++k) {
    for (std::uint32_t n = 0; n < 8; ++n) {
      const std::uint32_t* w = &words[(std::size_t{k} * (m.stored_out / 16) + n) * n_words];
      for (std::uint32_t t = 0; t < 256; ++t) {
        const std::uint32_t end = (t + 1) * m.bits;
        const std::uint32_t last = (end - 1) / 32;
        const std::uint64_t pair = std::uint64_t{w[(last + n_words - 1) % n_words]} << 32U | w[last];
        const auto state = static_cast<std::uint32_t>(pair >> (32 * (last + 1) - end)) & 0xFFFFU;
        const std::uint32_t lane = t / 8;
        const std::uint32_t row = 2 * (lane % 4) + t % 2 + 8 * (t / 2 % 2);
        y[16 * n + lane / 4 + 8 * (t / 4 % 2)] += v[16 * k + row] * decoded(state, m.codebook);
      }
    }
  }
  hadamard(y.data());
  for (int i = 0; i < 128; ++i) y[i] *= __half2float(svh[i]);
  return y;
}

const char* verdict(const std::vector<double>& expected, const float* y) {
  double error = 0;
  double norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += (y[i] - expected[i]) * (y[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return std::sqrt(error) <= 1e-3 * std::sqrt(norm) ? "ok" : "WRONG";
}

std::vector<float> random_floats(std::size_t n) {
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (auto& v : values) v = normal(random_bits);
  return values;
}

// ---- what is timed

/// Enough matrices that together they are several times L2.
int n_matrices(const abi::Matrix& m) {
  return static_cast<int>(std::clamp<std::uint64_t>((200 << 20) / abi::weight_bytes(m), 3, 100));
}

void time_linear(WeightPool& pool, std::uint32_t n_in, std::uint32_t n_out, std::uint32_t bits,
                 abi::TrellisCodebook codebook, std::uint32_t n_rows) {
  std::vector<abi::Matrix> matrices = {exl3_matrix(pool, n_in, n_out, bits, codebook)};
  for (int i = n_matrices(matrices[0]); i > 1; --i) {
    matrices.push_back(matrices[0]);
    matrices.back().weights = pool.cut(abi::weight_bytes(matrices[0]));
  }
  const abi::Matrix& m = matrices[0];
  const std::vector<float> host_x = random_floats(std::size_t{n_rows} * n_in);
  float* x = upload(host_x);
  auto* packed = reinterpret_cast<float*>(allocate(std::size_t{n_rows} * m.stored_in * 4));
  auto* y = reinterpret_cast<float*>(allocate(std::size_t{n_rows} * n_out * 4));
  cudaMemset(y, 0xFF, std::size_t{n_rows} * n_out * 4);
  const auto transform = [&](int i) {
    launch(cuda::matmul_kernels(), "exl3_transform_f32", abi::Exl3TransformArguments{matrices[i], n_rows, n_in},
           {x, packed});
  };
  const auto multiply = [&](int i) {
    launch(cuda::matmul_kernels(), "matmul_decode_f32",
           abi::MatmulArguments{matrices[i], n_rows, m.stored_in, n_out, 0}, {packed, y});
  };
  transform(0);
  multiply(0);
  check(cudaStreamSynchronize(stream), "first run");
  const std::size_t row = n_rows - 1;
  std::vector<double> expected = first_block(m, &host_x[row * n_in]);
  expected.resize(std::min<std::size_t>(128, n_out));
  const char* result = verdict(expected, download(y + row * n_out, expected.size()).data());
  const double transform_us = time_us(20, [&](int) { transform(0); });
  const double us = time_us(static_cast<int>(matrices.size()), multiply);
  char what[128];
  std::snprintf(what, sizeof(what), "linear %u x %u, %u bits %u, %u rows (+%.1f us)", n_in, n_out, bits,
                static_cast<unsigned>(codebook), n_rows, transform_us);
  const double weights = static_cast<double>(m.stored_in) * m.stored_out;
  print_line(what, result, us, weights, weights * bits / 8, 2 * weights * n_rows);
  for (void* memory : {static_cast<void*>(x), static_cast<void*>(packed), static_cast<void*>(y)}) cudaFree(memory);
}

void time_plain(WeightPool& pool, std::uint32_t n_in, std::uint32_t n_out, abi::MatrixFormat format,
                std::uint32_t n_rows) {
  abi::Matrix m{};
  m.n_in = m.stored_in = n_in;
  m.n_out = m.stored_out = n_out;
  m.format = format;
  float* x = upload(random_floats(std::size_t{n_rows} * n_in));
  auto* y = reinterpret_cast<float*>(allocate(std::size_t{n_rows} * n_out * 4));
  std::vector<std::uint64_t> weights(static_cast<std::size_t>(n_matrices(m)));
  for (auto& w : weights) w = pool.cut(abi::weight_bytes(m) + 16) / 16 * 16;
  const double us = time_us(static_cast<int>(weights.size()), [&](int i) {
    m.weights = weights[i];
    launch(cuda::matmul_kernels(), "matmul_decode_f32", abi::MatmulArguments{m, n_rows, n_in, n_out, 0}, {x, y});
  });
  char what[128];
  std::snprintf(what, sizeof(what), "plain %u x %u, format %u, %u rows", n_in, n_out, static_cast<unsigned>(format),
                n_rows);
  const double n = static_cast<double>(n_in) * n_out;
  print_line(what, "", us, n, static_cast<double>(abi::weight_bytes(m)), 2 * n * n_rows);
  cudaFree(x);
  cudaFree(y);
}

constexpr std::uint32_t kRouted = 64;
constexpr std::uint32_t kTopK = 4;
constexpr std::uint32_t kSlots = kTopK + 1;
constexpr std::uint32_t kHidden = 2048;
constexpr std::uint32_t kInner = 1536;

struct Routing {
  std::int32_t* offsets;
  std::int32_t* active;
  std::int32_t* sorted;
  std::uint32_t n_active;
};

Routing random_routing(std::uint32_t n_rows) {
  std::vector<std::vector<std::int32_t>> slots(kRouted + 1);
  for (std::uint32_t row = 0; row < n_rows; ++row) {
    const std::uint32_t first = random_bits();
    for (std::uint32_t k = 0; k < kTopK; ++k) {
      slots[(first + k * (1 + 2 * (first >> 8U & 7U))) % kRouted].push_back(
          static_cast<std::int32_t>(row * kSlots + k));
    }
    slots[kRouted].push_back(static_cast<std::int32_t>(row * kSlots + kTopK));
  }
  std::vector<std::int32_t> offsets = {0};
  std::vector<std::int32_t> active = {0};
  std::vector<std::int32_t> sorted;
  for (std::size_t e = 0; e < slots.size(); ++e) {
    sorted.insert(sorted.end(), slots[e].begin(), slots[e].end());
    offsets.push_back(static_cast<std::int32_t>(sorted.size()));
    if (!slots[e].empty()) active.push_back(static_cast<std::int32_t>(e));
  }
  active[0] = static_cast<std::int32_t>(active.size() - 1);
  const auto n_active = static_cast<std::uint32_t>(active[0]);
  active.resize(kRouted + 2);
  return {upload(offsets), upload(active), upload(sorted), n_active};
}

void time_experts(WeightPool& pool, std::uint32_t bits, std::uint32_t n_rows) {
  constexpr int kLayers = 4;
  constexpr int kRoutings = 5;
  std::vector<abi::Expert*> tables;
  for (int layer = 0; layer < kLayers; ++layer) {
    std::vector<abi::Expert> experts;
    for (std::uint32_t e = 0; e <= kRouted; ++e) {
      experts.push_back({exl3_matrix(pool, kHidden, kInner, bits, abi::TrellisCodebook::kMul1),
                         exl3_matrix(pool, kHidden, kInner, bits, abi::TrellisCodebook::kMul1),
                         exl3_matrix(pool, kInner, kHidden, bits, abi::TrellisCodebook::kMul1)});
    }
    tables.push_back(upload(experts));
  }
  std::vector<Routing> routings;
  double n_active = 0;
  for (int i = 0; i < kRoutings; ++i) {
    routings.push_back(random_routing(n_rows));
    n_active += static_cast<double>(routings.back().n_active) / kRoutings;
  }
  const std::size_t n_slots = std::size_t{n_rows} * kSlots;
  float* x = upload(random_floats(std::size_t{n_rows} * kHidden));
  auto* gate_in = reinterpret_cast<float*>(allocate(n_slots * kHidden * 4));
  auto* up_in = reinterpret_cast<float*>(allocate(n_slots * kHidden * 4));
  auto* inner = reinterpret_cast<float*>(allocate(n_slots * kInner * 4));
  auto* out = reinterpret_cast<float*>(allocate(n_slots * kHidden * 4));
  const auto run = [&](int i, int step) {
    const Routing& r = routings[static_cast<std::size_t>(i % kRoutings)];
    abi::MoeArguments a{};
    a.experts = reinterpret_cast<std::uint64_t>(tables[static_cast<std::size_t>(i % kLayers)]);
    a.n_experts = a.n_selected = kRouted + 1;
    a.n_rows = n_rows;
    a.slots_per_row = kSlots;
    a.hidden = a.in_stride = kHidden;
    a.inner_stride = kInner;
    const auto kernels = cuda::moe_kernels();
    if (step == 0) launch(kernels, "moe_gather_f32", a, {x, r.offsets, r.sorted, gate_in, up_in});
    if (step == 1) launch(kernels, "moe_gate_up_decode_f32", a, {gate_in, up_in, r.offsets, r.active, inner});
    if (step == 2) launch(kernels, "moe_down_decode_f32", a, {inner, r.offsets, r.active, out});
  };
  const char* names[] = {"gather", "gate_up", "down"};
  for (int step = 0; step < 3; ++step) {
    for (int i = 0; i < step; ++i) run(0, i);  // sensible inputs
    const double us = time_us(kLayers * kRoutings, [&](int i) { run(i, step); });
    char what[128];
    std::snprintf(what, sizeof(what), "experts %s, %u bits, %u rows, %.0f active", names[step], bits, n_rows, n_active);
    const double matrix = static_cast<double>(kHidden) * kInner;
    const double n = step == 0 ? 0 : matrix * (step == 1 ? 2 : 1);
    print_line(what, "", us, n * n_active, n * n_active * bits / 8, 2 * n * static_cast<double>(n_slots));
  }
  for (float* memory : {x, gate_in, up_in, inner, out}) cudaFree(memory);
}

bool wanted(int argc, char** argv, std::string_view what) {
  return argc == 1 || std::any_of(argv + 1, argv + argc, [&](const char* a) { return what == a; });
}

}  // namespace

int main(int argc, char** argv) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  gpu = {static_cast<std::uint32_t>(properties.multiProcessorCount),
         static_cast<std::uint32_t>(properties.sharedMemPerBlockOptin),
         static_cast<std::uint32_t>(10 * properties.major + properties.minor)};
  std::printf("%s, %u multiprocessors, %u KiB of shared memory\n", properties.name, gpu.n_multiprocessors,
              gpu.max_shared_bytes / 1024);
  check(cudaStreamCreate(&stream), "cudaStreamCreate");
  scratch = allocate(kScratchBytes);
  counters = reinterpret_cast<std::uint32_t*>(allocate(kCounters * 4));
  check(cudaMemset(counters, 0, kCounters * 4), "cudaMemset");
  WeightPool pool(std::size_t{3} << 30);
  using abi::TrellisCodebook;
  constexpr std::uint32_t kShapes[][2] = {{2048, 768}, {768, 5120}, {2048, 576}, {5120, 2048}};
  if (wanted(argc, argv, "linear")) {
    for (const auto& s : kShapes) {
      for (const std::uint32_t n_rows : {1, 4, 16, 32, 64, 128, 512, 2048}) {
        time_linear(pool, s[0], s[1], 4, TrellisCodebook::kMul1, n_rows);
      }
    }
    for (const std::uint32_t n_rows : {1, 8, 64}) time_linear(pool, 2048, 154880, 6, TrellisCodebook::kMul1, n_rows);
  }
  if (wanted(argc, argv, "bits")) {
    for (const auto codebook : {TrellisCodebook::kMul1, TrellisCodebook::kMcg, TrellisCodebook::k3Inst}) {
      for (std::uint32_t bits = 1; bits <= 8; ++bits) {
        for (const std::uint32_t n_rows : {1, 4096}) time_linear(pool, 4096, 16384, bits, codebook, n_rows);
      }
    }
  }
  if (wanted(argc, argv, "plain")) {
    for (const std::uint32_t n_rows : {1, 16, 4096}) time_plain(pool, 2048, 64, abi::MatrixFormat::kF32, n_rows);
    for (const std::uint32_t n_rows : {1, 8}) time_plain(pool, 2048, 154880, abi::MatrixFormat::kF16, n_rows);
    for (const std::uint32_t n_rows : {1, 2048}) time_plain(pool, 4096, 4096, abi::MatrixFormat::kBf16, n_rows);
  }
  if (wanted(argc, argv, "experts")) {
    for (const std::uint32_t n_rows : {1, 2, 4, 8, 16, 32, 64, 512, 2048, 4096}) time_experts(pool, 4, n_rows);
    for (const std::uint32_t bits : {2, 3, 6}) time_experts(pool, bits, 1);
  }
  return 0;
}
