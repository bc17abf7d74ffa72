// SPDX-License-Identifier: Apache-2.0
// A real kernel on a real argument struct: abi::RmsNormArguments, whose weight is an address in device memory.
// Computes: out = x / sqrt(mean(x^2) + eps) * weight. Grid: one threadgroup per row, of any number of simdgroups.
// Threadgroup memory: one float per simdgroup, set by the host.
#include <metal_stdlib>

#include "abi/rms_norm.h"

using namespace metal;

constant bool kHasWeight [[function_constant(0)]];

template <typename T>
kernel void rms_norm(const device T* x [[buffer(0)]], device T* out [[buffer(1)]],
                     constant marlin::abi::RmsNormArguments& arguments [[buffer(2)]],
                     threadgroup float* partial [[threadgroup(0)]], uint row [[threadgroup_position_in_grid]],
                     uint thread_index [[thread_index_in_threadgroup]], uint n_threads [[threads_per_threadgroup]],
                     uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
                     uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float scale;
  const device float* weight = reinterpret_cast<const device float*>(arguments.weight);
  x += row * arguments.in_stride;
  out += row * arguments.out_stride;
  float sum = 0.0f;
  for (uint i = thread_index; i < arguments.n; i += n_threads) {
    const float value = float(x[i]);
    sum = fma(value, value, sum);
  }
  sum = simd_sum(sum);
  if (lane == 0) partial[simdgroup] = sum;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (simdgroup == 0) {
    sum = 0.0f;
    for (uint i = lane; i < n_simdgroups; i += 32) sum += partial[i];
    sum = simd_sum(sum);
    if (lane == 0) scale = precise::rsqrt(sum / float(arguments.n) + arguments.eps);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint i = thread_index; i < arguments.n; i += n_threads) {
    const float value = float(x[i]) * scale;
    out[i] = T(kHasWeight ? value * weight[i] : value);
  }
}
template [[host_name("test_rms_norm_f32")]] kernel void rms_norm<float>(
    const device float*, device float*, constant marlin::abi::RmsNormArguments&, threadgroup float*, uint, uint, uint,
    uint, uint, uint);
template [[host_name("test_rms_norm_f16")]] kernel void rms_norm<half>(
    const device half*, device half*, constant marlin::abi::RmsNormArguments&, threadgroup float*, uint, uint, uint,
    uint, uint, uint);
