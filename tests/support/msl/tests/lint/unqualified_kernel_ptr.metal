// SPDX-License-Identifier: Apache-2.0
// expect: has no address space
#include <metal_stdlib>
using namespace metal;
kernel void k(float* p [[buffer(0)]]) { p[0] = 1; }
