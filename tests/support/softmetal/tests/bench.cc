// SPDX-License-Identifier: Apache-2.0
#include "tests/support/softmetal/tests/bench.h"

namespace softmetal::test {
namespace {

constexpr const char* kKernels = R"(#include <metal_stdlib>
using namespace metal;

constant bool kSquare [[function_constant(3)]];
struct Scale { uint n; float factor; };

kernel void scale(device const float* x [[buffer(0)]], device float* y [[buffer(1)]], constant Scale& a [[buffer(2)]],
                  uint i [[thread_position_in_grid]]) {
  if (i < a.n) y[i] = a.factor * x[i];
}

kernel void maybe_square(device const float* x [[buffer(0)]], device float* y [[buffer(1)]],
                         uint i [[thread_position_in_grid]]) {
  y[i] = kSquare ? x[i] * x[i] : x[i];
}

kernel void reverse(device float* x [[buffer(0)]], threadgroup float* t [[threadgroup(0)]],
                    uint i [[thread_index_in_threadgroup]], uint n [[threads_per_threadgroup]]) {
  t[i] = x[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  x[i] = t[n - 1 - i];
}

kernel void racy_reverse(device float* x [[buffer(0)]], threadgroup float* t [[threadgroup(0)]],
                         uint i [[thread_index_in_threadgroup]], uint n [[threads_per_threadgroup]]) {
  t[i] = x[i];
  x[i] = t[n - 1 - i];
}

kernel void store_at(device float* x [[buffer(0)]], constant uint& at [[buffer(1)]],
                     uint i [[thread_position_in_grid]]) {
  if (i == 0) x[at] = 1.0f;
}

struct Table { ulong address; };
kernel void follow(constant Table& table [[buffer(0)]], device float* y [[buffer(1)]],
                   uint i [[thread_position_in_grid]]) {
  y[i] = reinterpret_cast<device const float*>(table.address)[i];
}

kernel void group_sizes(device uint* out [[buffer(0)]], uint i [[thread_position_in_grid]],
                        uint n [[threads_per_threadgroup]]) {
  out[i] = n;
}

kernel void static_reverse(device float* x [[buffer(0)]], uint i [[thread_index_in_threadgroup]],
                           uint n [[threads_per_threadgroup]]) {
  threadgroup float t[64];
  t[i] = x[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  x[i] = t[n - 1 - i];
}

kernel void increment(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] += 1.0f; }
)";

}  // namespace

void Bench::SetUp() { restart({}); }

void Bench::restart(const Options& options) {
  x_.reset();
  y_.reset();
  scale_.reset();
  library_.reset();
  queue_.reset();
  device_.reset();
  softmetal::reset();
  softmetal::set_options(options);
  pool_.emplace();
  device_ = Owned(MTLCreateSystemDefaultDevice());
  queue_ = Owned(send(device_, "newCommandQueue"));
  library_ = compile(kKernels);
  scale_ = pipeline("scale");
  x_ = floats(64);
  y_ = floats(64);
}

void Bench::TearDown() {
  resume_hung();
  x_.reset();
  y_.reset();
  scale_.reset();
  library_.reset();
  queue_.reset();
  device_.reset();
  pool_.reset();
  EXPECT_EQ(text_of_faults(), "");
  for (const auto& [name, n] : live_objects()) ADD_FAILURE() << n << " live " << name;
}

Owned Bench::compile(const std::string& text, Id options) {
  Id error = nullptr;
  Owned library(send<Id, Id, Id, Id*>(device_, "newLibraryWithSource:options:error:", string(text), options, &error));
  EXPECT_NE(static_cast<Id>(library), nullptr) << text_of(send(error, "localizedDescription"));
  return library;
}

Owned Bench::pipeline_of(Id function) {
  Id error = nullptr;
  return Owned(send<Id, Id, Id*>(device_, "newComputePipelineStateWithFunction:error:", function, &error));
}

Owned Bench::pipeline(const char* name) { return pipeline_of(function(name)); }

Owned Bench::floats(unsigned long n, unsigned long options) {
  Owned buffer(send(device_, "newBufferWithLength:options:", 4 * n, options));
  if (buffer != nullptr && (options & kPrivate) == 0) {
    for (unsigned long i = 0; i < n; ++i) contents(buffer)[i] = static_cast<float>(i);
  }
  return buffer;
}

void Bench::encode_scale(Id encoder, Id x, Id y, float factor, unsigned n) {
  send<void, Id>(encoder, "setComputePipelineState:", scale_);
  bind(encoder, x, 0);
  bind(encoder, y, 1);
  set_bytes(encoder, Scale{n, factor}, 2);
  dispatch(encoder, {(n + 31) / 32}, {32});
}

Id Bench::encoder_with(Id pipeline, Id commands, unsigned long type) {
  Id encoder = Bench::encoder(commands, type);
  send<void, Id>(encoder, "setComputePipelineState:", pipeline);
  bind(encoder, x_, 0);
  return encoder;
}

Id Bench::ready(Id commands, unsigned long type) {
  Id encoder = encoder_with(scale_, commands, type);
  bind(encoder, y_, 1);
  set_bytes(encoder, Scale{64, 2}, 2);
  return encoder;
}

void Bench::expect_faults(const std::vector<std::string>& parts) {
  settle();
  const std::vector<std::string> found = faults();
  EXPECT_EQ(found.size(), parts.size()) << text_of_faults();
  for (std::size_t i = 0; i < parts.size() && i < found.size(); ++i) {
    EXPECT_NE(found[i].find(parts[i]), std::string::npos) << found[i] << "\nis not about\n" << parts[i];
  }
  clear_faults();
}

}  // namespace softmetal::test
