// SPDX-License-Identifier: Apache-2.0
// expect: 'long' in argument struct
#include <metal_stdlib>
using namespace metal;
struct A { long n; }; kernel void k(device float* p [[buffer(0)]], constant A& a [[buffer(1)]]) { p[0] = a.n; }
