// SPDX-License-Identifier: Apache-2.0
// expect: cannot be initialised
#include <metal_stdlib>
using namespace metal;
kernel void k(device int* p [[buffer(0)]]) { threadgroup int s = 3; p[0] = s; }
