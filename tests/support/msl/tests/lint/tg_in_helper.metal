// SPDX-License-Identifier: Apache-2.0
// expect: declared in a kernel
#include <metal_stdlib>
using namespace metal;
float f(uint t) { threadgroup float s[4]; s[t] = 1; return s[0]; } kernel void k(device float* p [[buffer(0)]], uint t [[thread_position_in_grid]]) { p[0] = f(t); }
