// SPDX-License-Identifier: Apache-2.0
// expect: goto
#include <metal_stdlib>
using namespace metal;
kernel void k(device int* p [[buffer(0)]]) { goto e; e: p[0] = 1; }
