// SPDX-License-Identifier: Apache-2.0
// The shim's functions one by one, for functions_test.cc to compare with scalar code of its own.
#include <metal_stdlib>
using namespace metal;

// out: [23][32], one row per function, by a simdgroup of 32.
kernel void test_simd_functions(const device int* x [[buffer(0)]], device int* out [[buffer(1)]],
                                uint lane [[thread_index_in_simdgroup]]) {
  const int value = x[lane];
  out[0 * 32 + lane] = simd_sum(value);
  out[1 * 32 + lane] = simd_max(value);
  out[2 * 32 + lane] = simd_min(value);
  out[3 * 32 + lane] = simd_or(value);
  out[4 * 32 + lane] = simd_and(value);
  out[5 * 32 + lane] = simd_xor(value);
  out[6 * 32 + lane] = simd_shuffle(value, ushort(31 - lane));
  out[7 * 32 + lane] = simd_shuffle_xor(value, 5);
  out[8 * 32 + lane] = simd_shuffle_up(value, 3);
  out[9 * 32 + lane] = simd_shuffle_down(value, 3);
  out[10 * 32 + lane] = simd_shuffle_rotate_up(value, 3);
  out[11 * 32 + lane] = simd_shuffle_rotate_down(value, 3);
  out[12 * 32 + lane] = simd_broadcast(value, 17);
  out[13 * 32 + lane] = simd_prefix_inclusive_sum(value);
  out[14 * 32 + lane] = simd_prefix_exclusive_sum(value);
  out[15 * 32 + lane] = simd_any(value == x[9]);
  out[16 * 32 + lane] = simd_all(value != 12345678);
  if (lane >= 5) out[17 * 32 + lane] = simd_broadcast_first(value);
  if (lane % 2 == 1) out[18 * 32 + lane] = simd_sum(value);
  if (lane % 2 == 1) out[19 * 32 + lane] = simd_prefix_inclusive_sum(value);
  out[20 * 32 + lane] = simd_prefix_inclusive_product(lane < 3 ? 2 : 1);
  out[21 * 32 + lane] = simd_prefix_exclusive_product(lane < 3 ? 2 : 1);
  out[22 * 32 + lane] = int(simd_product(float(lane < 10 ? 2 : 1)));
}

// Every operation of half rounds at once: a is 1, b is 2^-11, c is 2^-10.
kernel void test_half(const device half* x [[buffer(0)]], device ushort* out [[buffer(1)]]) {
  const half a = x[0];
  const half b = x[1];
  const half c = x[2];
  out[0] = as_type<ushort>(half(a + b));
  out[1] = as_type<ushort>(half(a + b + b));
  out[2] = as_type<ushort>(half((a + c) * (a + c)));
  out[3] = as_type<ushort>(half(3.0h / 7.0h));
  out[4] = as_type<ushort>(half(fma(a, b, c)));
  half2 v = half2(a, b);
  v += half2(b, b);
  out[5] = as_type<ushort>(v.x);
  out[6] = as_type<ushort>(v.y);
  out[7] = as_type<ushort>(half(65504.0f) + half(32.0f));
}

// ushort as bf16: narrowed to nearest even, widened exactly.
kernel void test_bfloat(const device float* x [[buffer(0)]], device ushort* narrow [[buffer(1)]],
                        device float* wide [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  const bfloat b = bfloat(x[i]);
  narrow[i] = as_type<ushort>(b);
  wide[i] = float(b);
}

kernel void test_vectors(device float* out [[buffer(0)]]) {
  const float4 a = float4(1.0f, float2(2.0f, 3.0f), 4.0f);
  const float4 b = float4(a.wzyx);
  const int4 c = int4(b * 1.5f);
  const half4 h = half4(a);
  const float4 d = (float4)h;
  out[0] = dot(a, b);
  out[1] = a.lo.y + a.hi.x;
  out[2] = float(c.x + c.y + c.z + c.w);
  out[3] = d[2];
  out[4] = max(a, b).x + min(a, b).x;
  out[5] = clamp(5.0f, 0.0f, 2.0f) + mix(0.0f, 8.0f, 0.25f);
  out[6] = select(1.0f, 2.0f, true);
  out[7] = float(popcount(0xf0f0u) + clz(1u) + ctz(8u) + extract_bits(0xabcdu, 4u, 8u));
  out[8] = float(mulhi(0x80000000u, 6u));
  out[9] = fmax(NAN, 3.0f) + fmin(2.0f, NAN);
  out[10] = 0.1;  // a float in MSL, whatever C++ says
  out[11] = float(as_type<uint>(1.0f) >> 23);
  out[12] = float(rotate(0x80000001u, 4u));
  out[13] = float(sizeof(float3)) + float(sizeof(half4)) + float(sizeof(long));
  out[14] = abs(-3.0f) + float(abs(-4)) + sign(-9.0f);
  const vec<float, 2> e = vec<float, 2>(7.0f, 8.0f);
  out[15] = e.x * e.y;
}

// What each thread is told about its place; [thread][14].
kernel void test_positions(device uint* out [[buffer(0)]], constant uint& width [[buffer(1)]],
                           uint3 group [[threadgroup_position_in_grid]], uint3 local [[thread_position_in_threadgroup]],
                           uint3 global [[thread_position_in_grid]], uint3 size [[threads_per_threadgroup]],
                           uint3 full_size [[dispatch_threads_per_threadgroup]],
                           uint3 groups [[threadgroups_per_grid]], uint3 grid [[threads_per_grid]],
                           ushort index [[thread_index_in_threadgroup]], ushort lane [[thread_index_in_simdgroup]],
                           ushort simdgroup [[simdgroup_index_in_threadgroup]],
                           ushort n_simdgroups [[simdgroups_per_threadgroup]],
                           uint n_lanes [[threads_per_simdgroup]]) {
  device uint* mine = out + 14 * (global.x + width * global.y);
  mine[0] = group.x;
  mine[1] = group.y;
  mine[2] = local.x;
  mine[3] = local.y;
  mine[4] = size.x;
  mine[5] = size.y;
  mine[6] = full_size.x;
  mine[7] = groups.x;
  mine[8] = grid.x;
  mine[9] = index;
  mine[10] = lane;
  mine[11] = simdgroup;
  mine[12] = n_simdgroups;
  mine[13] = n_lanes;
}

kernel void test_atomics(device atomic_int* i [[buffer(0)]], device atomic_uint* u [[buffer(1)]],
                         device atomic_float* f [[buffer(2)]], uint t [[thread_position_in_grid]]) {
  atomic_fetch_add_explicit(&i[0], -int(t), memory_order_relaxed);
  atomic_fetch_max_explicit(&i[1], int(t) - 50, memory_order_relaxed);
  atomic_fetch_min_explicit(&i[2], int(t) - 50, memory_order_relaxed);
  atomic_fetch_or_explicit(&u[0], 1u << (t % 20), memory_order_relaxed);
  atomic_fetch_and_explicit(&u[1], ~(1u << (t % 20)), memory_order_relaxed);
  atomic_fetch_xor_explicit(&u[2], t, memory_order_relaxed);
  atomic_fetch_sub_explicit(&u[3], 2u, memory_order_relaxed);
  atomic_fetch_add_explicit(f, 0.5f, memory_order_relaxed);
  uint seen = atomic_load_explicit(&u[4], memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&u[4], &seen, seen + 3u, memory_order_relaxed, memory_order_relaxed)) {
  }
}

constant bool kHasExtra [[function_constant(0)]];
constant int kScale [[function_constant(1)]];

kernel void test_constants(device int* out [[buffer(0)]],
                           const device int* extra [[buffer(1), function_constant(kHasExtra)]],
                           uint t [[thread_position_in_grid]]) {
  const int scale = is_function_constant_defined(kScale) ? kScale : 1;
  out[t] = int(t) * scale + (kHasExtra ? extra[t] : 0);
}
