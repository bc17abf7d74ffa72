// SPDX-License-Identifier: Apache-2.0
// expect: has no address space
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]]) { float x = 1; float* q = &x; p[0] = q[0]; }
