// SPDX-License-Identifier: Apache-2.0
// expect: recursion
#include <metal_stdlib>
using namespace metal;
int f(int n) { return n < 2 ? 1 : n * f(n - 1); } kernel void k(device int* p [[buffer(0)]]) { p[0] = f(p[0]); }
