// SPDX-License-Identifier: Apache-2.0
// expect: exceed 32768
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]]) { threadgroup float s[9000]; s[0] = 1; p[0] = s[0]; }
