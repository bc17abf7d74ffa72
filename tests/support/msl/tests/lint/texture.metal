// SPDX-License-Identifier: Apache-2.0
// expect: unknown or unsupported attribute
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]], uint t [[texture(0)]]) { p[0] = t; }
