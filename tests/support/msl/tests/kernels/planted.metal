// SPDX-License-Identifier: Apache-2.0
// One mistake per kernel, each run by 64 threads unless planted_test.cc says otherwise; the line that must be named ends
// in an arrow. The kernels that begin with correct_ have none and look as if they had.
#include <metal_stdlib>
using namespace metal;

#define POSITION uint t [[thread_position_in_threadgroup]]
#define GROUP uint g [[threadgroup_position_in_grid]]
#define LANE uint lane [[thread_index_in_simdgroup]]

constant float kFactor [[function_constant(3)]];
constant uint kTable[4] = {1, 2, 3, 4};

kernel void planted_divergent_barrier(device float* y [[buffer(0)]], POSITION) {
  if (t < 40) {
    threadgroup_barrier(mem_flags::mem_threadgroup);  // <-
  } else {
    y[t] = 1;
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  y[t] = 2;
}

static inline void publish(threadgroup float* s, uint t) {
  s[t] = 1.0f;
  threadgroup_barrier(mem_flags::mem_threadgroup);  // <- planted_divergent_helper
}
kernel void planted_divergent_helper(device float* y [[buffer(0)]], POSITION) {
  threadgroup float s[64];
  if (t < 32) {
    publish(s, t);
    y[t] = s[t];
  } else {
    publish(s, t);
  }
}

kernel void planted_return_before_barrier(device float* y [[buffer(0)]], POSITION) {
  if (t >= 60) return;
  threadgroup_barrier(mem_flags::mem_threadgroup);  // <-
  y[t] = 2;
}

kernel void planted_uneven_loop(device float* y [[buffer(0)]], POSITION) {
  for (uint i = 0; i < t % 3; ++i) {
    threadgroup_barrier(mem_flags::mem_threadgroup);  // <-
    y[t] = i;
  }
}

kernel void planted_no_barrier(device float* y [[buffer(0)]], POSITION) {
  threadgroup float s[64];
  s[t] = t;         // <-
  y[t] = s[63 - t];  // <-
}

kernel void planted_wrong_flags(device float* y [[buffer(0)]], POSITION) {
  threadgroup float s[64];
  s[t] = t;  // <-
  threadgroup_barrier(mem_flags::mem_device);
  y[t] = s[63 - t];  // <-
}

kernel void planted_no_flags(device float* y [[buffer(0)]], POSITION) {
  threadgroup float s[64];
  s[t] = t;  // <-
  threadgroup_barrier(mem_flags::mem_none);
  y[t] = s[63 - t];  // <-
}

kernel void planted_device_race(device float* y [[buffer(0)]], POSITION) {
  y[t] = t;  // <-
  threadgroup_barrier(mem_flags::mem_threadgroup);
  y[t] = y[63 - t];  // <-
}

kernel void planted_write_after_read(device float* y [[buffer(0)]], POSITION) {
  threadgroup float s[64];
  s[t] = t;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const float mine = s[0] + s[t];  // <-
  if (t == 63) s[0] = mine;        // <- the last thread: the result is right as long as they run in order
  y[t] = mine;
}

kernel void planted_lockstep(device float* y [[buffer(0)]], POSITION) {
  threadgroup float s[64];
  s[t] = t;         // <- relies on the simdgroup running in lockstep
  y[t] = s[t ^ 1];  // <-
}

kernel void planted_equal_writes(device float* y [[buffer(0)]], POSITION) {
  y[t / 2] = 1.0f;  // <-
}

kernel void planted_cross_group_sum(device float* y [[buffer(0)]], GROUP, POSITION) {
  if (t == 0) y[0] += g;  // <-
}

kernel void planted_cross_group_read(device float* y [[buffer(0)]], GROUP, POSITION) {
  if (t == 0) y[g] = 1.0f;             // <-
  if (t == 1) y[8 + g] = y[(g + 1) % 2];  // <-
}

kernel void planted_cross_group_flag(device atomic_uint* y [[buffer(0)]], device uint* out [[buffer(1)]], GROUP, POSITION) {
  if (t == 0) atomic_fetch_add_explicit(y, 1, memory_order_relaxed);  // <-
  if (t == 0) out[g] = ((device uint*)y)[0];                          // <-
}

kernel void planted_uninitialized(device float* y [[buffer(0)]], POSITION) {
  threadgroup float s[64];
  if (t != 5) s[t] = t;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  y[t] = s[t];  // <-
}

kernel void planted_read_past_end(const device float* x [[buffer(0)]], device float* y [[buffer(1)]], POSITION) {
  y[t] = x[t + 1];  // <-
}

kernel void planted_write_past_end(device float* y [[buffer(0)]], POSITION) {
  y[t + 1] = t;  // <-
}

kernel void planted_next_variable(device float* y [[buffer(0)]], POSITION) {
  threadgroup float a[64];
  threadgroup float b[64];
  b[t] = 2.0f;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  threadgroup float* p = a;
  p[t + 1] = 1.0f;  // <-
  y[t] = b[0];
}

kernel void planted_private_array(device float* y [[buffer(0)]], POSITION) {
  float values[4] = {1, 2, 3, 4};
  y[t] = values[t / 13];  // <-
}

kernel void planted_table(device float* y [[buffer(0)]], POSITION) {
  y[t] = kTable[t / 13];  // <-
}

kernel void planted_short_threadgroup_memory(device float* y [[buffer(0)]], threadgroup float* s [[threadgroup(0)]],
                                             POSITION) {
  s[t] = t;  // <-
  threadgroup_barrier(mem_flags::mem_threadgroup);
  y[t] = s[63 - t];
}

kernel void planted_much_threadgroup_memory(device float* y [[buffer(0)]], threadgroup float* s [[threadgroup(0)]],
                                            POSITION) {
  threadgroup float more[4096];  // <-
  s[t] = t;
  more[t] = t;
  y[t] = s[t] + more[t];
}

kernel void planted_misaligned(const device float* x [[buffer(0)]], device float* y [[buffer(1)]], POSITION) {
  if (t < 8) {
    const float4 values = *(const device float4*)(x + 2 * t);  // <-
    y[t] = values.x;
  }
}

kernel void planted_odd_address(const device uchar* x [[buffer(0)]], device float* y [[buffer(1)]], POSITION) {
  if (t < 8) y[t] = *(const device float*)(x + 5 * t);  // <-
}

kernel void planted_lost_address(constant ulong& address [[buffer(0)]], device float* y [[buffer(1)]], POSITION) {
  y[t] = reinterpret_cast<const device float*>(address)[t];  // <-
}

kernel void planted_inactive_shuffle(device float* y [[buffer(0)]], POSITION, LANE) {
  if (lane < 16) {
    y[t] = simd_shuffle(float(t), ushort(lane + 1));  // <-
  }
}

// Run with 40 threads: the second simdgroup has 8 lanes.
kernel void planted_short_simdgroup(device float* y [[buffer(0)]], POSITION) {
  float sum = t;
  for (ushort mask = 16; mask > 0; mask /= 2) sum += simd_shuffle_xor(sum, mask);  // <-
  y[t] = sum;
}

kernel void planted_partial_matrix(device float* y [[buffer(0)]], POSITION, LANE) {
  simdgroup_float8x8 a = make_filled_simdgroup_matrix<float, 8, 8>(1.0f);
  if (lane < 16) simdgroup_store(a, y, 8);  // <-
}

kernel void planted_simdgroup_barrier(device float* y [[buffer(0)]], POSITION, LANE) {
  if (lane < 10) simdgroup_barrier(mem_flags::mem_threadgroup);  // <-
  y[t] = simd_sum(1.0f);
}

kernel void planted_mixed_atomic(device atomic_uint* count [[buffer(0)]], POSITION) {
  atomic_fetch_add_explicit(count, 1, memory_order_relaxed);  // <-
  if (t == 0) ((device uint*)count)[0] = 0;                   // <-
}

kernel void planted_unset_constant(device float* y [[buffer(0)]], POSITION) {
  y[t] = kFactor;  // <-
}

kernel void planted_spin(device atomic_uint* flag [[buffer(0)]], POSITION) {
  if (t == 0) {
    while (atomic_load_explicit(flag, memory_order_relaxed) == 0) {
    }
  } else {
    atomic_fetch_add_explicit(flag, 1, memory_order_relaxed);
  }
}

[[max_total_threads_per_threadgroup(32)]] kernel void planted_thread_limit(device float* y [[buffer(0)]], POSITION) {
  y[t] = t;
}

kernel void planted_short_arguments(constant float4& arguments [[buffer(0)]], device float* y [[buffer(1)]], POSITION) {
  y[t] = arguments.x;
}

kernel void correct_simdgroup_barrier(device float* y [[buffer(0)]], POSITION) {
  threadgroup float s[64];
  s[t] = t;
  simdgroup_barrier(mem_flags::mem_threadgroup);
  y[t] = s[t ^ 1];
}

kernel void correct_divergent_sum(device float* y [[buffer(0)]], POSITION, LANE) {
  if (lane < 8) {
    y[t] = simd_sum(1.0f);
  } else {
    y[t] = simd_sum(1.0f);
  }
}

// Neighbours write halves of one word.
kernel void correct_neighbours(device half* y [[buffer(0)]], device uchar* z [[buffer(1)]], POSITION) {
  y[t] = half(t);
  z[t] = uchar(t);
}

kernel void correct_atomics(device atomic_uint* count [[buffer(0)]], POSITION) {
  threadgroup atomic_uint local;
  if (t == 0) atomic_store_explicit(&local, 0u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  atomic_fetch_add_explicit(&local, 1u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (t == 0) atomic_fetch_add_explicit(count, atomic_load_explicit(&local, memory_order_relaxed), memory_order_relaxed);
}

kernel void correct_table(device float* y [[buffer(0)]], POSITION) { y[t] = kTable[t % 4]; }

// Reads what the same thread wrote, before and after a barrier for others.
kernel void correct_own_values(device float* y [[buffer(0)]], POSITION) {
  threadgroup float s[64];
  s[t] = t;
  s[t] += 1.0f;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const float other = s[63 - t];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  s[t] = other;
  y[t] = s[t];
}

kernel void correct_helper(device float* y [[buffer(0)]], POSITION) {
  threadgroup float s[64];
  publish(s, t);
  y[t] = s[63 - t];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  publish(s, t);
}
