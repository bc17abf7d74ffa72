// SPDX-License-Identifier: Apache-2.0
// expect: no double
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]]) { double d = p[0]; p[0] = d; }
