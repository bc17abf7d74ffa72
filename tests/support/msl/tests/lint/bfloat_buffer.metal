// SPDX-License-Identifier: Apache-2.0
// expect: stored as ushort
#include <metal_stdlib>
using namespace metal;
kernel void k(device bfloat* p [[buffer(0)]]) { p[0] = bfloat(1.0f); }
