// SPDX-License-Identifier: Apache-2.0
// expect: no matching function
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]], device half* h [[buffer(1)]]) { p[0] = max(h[0], 0.0f); }
