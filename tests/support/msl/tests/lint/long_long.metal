// SPDX-License-Identifier: Apache-2.0
// expect: long long
#include <metal_stdlib>
using namespace metal;
kernel void k(device int* p [[buffer(0)]]) { long long x = p[0]; p[0] = x; }
