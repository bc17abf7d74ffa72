// SPDX-License-Identifier: Apache-2.0
// expect: a pointer in argument struct
#include <metal_stdlib>
using namespace metal;
struct A { device float* x; }; kernel void k(device float* p [[buffer(0)]], constant A& a [[buffer(1)]]) { p[0] = a.x[0]; }
