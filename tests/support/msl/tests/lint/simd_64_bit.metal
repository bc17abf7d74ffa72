// SPDX-License-Identifier: Apache-2.0
// expect: take no 64-bit type and no bool
#include <metal_stdlib>
using namespace metal;
kernel void k(device ulong* p [[buffer(0)]]) { p[0] = simd_sum(p[0]); }
