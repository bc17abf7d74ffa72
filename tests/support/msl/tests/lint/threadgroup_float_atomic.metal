// SPDX-License-Identifier: Apache-2.0
// expect: float atomics in device memory only
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]]) { threadgroup atomic_float a; atomic_fetch_add_explicit(&a, 1.0f, memory_order_relaxed); p[0] = 0; }
