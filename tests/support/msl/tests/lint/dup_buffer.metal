// SPDX-License-Identifier: Apache-2.0
// expect: used twice
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]], device float* q [[buffer(0)]]) { p[0] = q[0]; }
