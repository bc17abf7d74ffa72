// SPDX-License-Identifier: Apache-2.0
// expect: no new
#include <metal_stdlib>
using namespace metal;
kernel void k(device int* p [[buffer(0)]]) { int* q = new int; p[0] = *q; }
