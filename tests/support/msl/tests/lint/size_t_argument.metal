// SPDX-License-Identifier: Apache-2.0
// expect: 'size_t' in argument struct
#include <metal_stdlib>
using namespace metal;
struct A { size_t n; }; kernel void k(device float* p [[buffer(0)]], constant A& a [[buffer(1)]]) { p[0] = a.n; }
