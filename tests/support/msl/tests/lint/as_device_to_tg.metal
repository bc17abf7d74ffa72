// SPDX-License-Identifier: Apache-2.0
// expect: cannot initialize
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]]) { threadgroup float* q = p; q[0] = 1; }
