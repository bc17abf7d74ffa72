// SPDX-License-Identifier: Apache-2.0
// expect: cannot initialize
#include <metal_stdlib>
using namespace metal;
kernel void k(device float4* p [[buffer(0)]], device half4* h [[buffer(1)]]) { float4 v = h[0]; p[0] = v; }
