// SPDX-License-Identifier: Apache-2.0
// expect: hides the address space
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]]) { auto* q = p; q[0] = 1; }
