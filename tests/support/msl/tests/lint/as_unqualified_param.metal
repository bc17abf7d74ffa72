// SPDX-License-Identifier: Apache-2.0
// expect: has no address space
#include <metal_stdlib>
using namespace metal;
void f(float* p) { p[0] = 1; } kernel void k(device float* p [[buffer(0)]]) { f(p); }
