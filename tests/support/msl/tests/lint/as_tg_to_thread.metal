// SPDX-License-Identifier: Apache-2.0
// expect: no matching function
#include <metal_stdlib>
using namespace metal;
void f(thread float* p) { p[0] = 1; } kernel void k(device float* p [[buffer(0)]]) { threadgroup float s[4]; f(s); p[0] = s[0]; }
