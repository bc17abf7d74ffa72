// SPDX-License-Identifier: Apache-2.0
// expect: exceeds 30
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(31)]]) { p[0] = 1; }
