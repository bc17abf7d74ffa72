// SPDX-License-Identifier: Apache-2.0
// expect: wrong number of components
#include <metal_stdlib>
using namespace metal;
kernel void k(device float4* p [[buffer(0)]]) { p[0] = float4(1.0f, 2.0f, 3.0f); }
