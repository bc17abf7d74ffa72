// SPDX-License-Identifier: Apache-2.0
// expect: function pointers
#include <metal_stdlib>
using namespace metal;
float f(float x) { return x; } kernel void k(device float* p [[buffer(0)]]) { float (*g)(float) = f; p[0] = g(1); }
