// SPDX-License-Identifier: Apache-2.0
// expect: static variables
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]]) { static int n = 0; p[0] = n; }
