// SPDX-License-Identifier: Apache-2.0
// expect: take no 64-bit type and no bool
#include <metal_stdlib>
using namespace metal;
kernel void k(device int* p [[buffer(0)]]) { p[0] = simd_max(p[0] > 0) ? 1 : 0; }
