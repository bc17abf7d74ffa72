// SPDX-License-Identifier: Apache-2.0
// expect: recursion
#include <metal_stdlib>
using namespace metal;
int g(int n); int f(int n) { return n < 2 ? 1 : g(n - 1); } int g(int n) { return f(n); } kernel void k(device int* p [[buffer(0)]]) { p[0] = f(p[0]); }
