// SPDX-License-Identifier: Apache-2.0
// expect: 'bool' in argument struct
#include <metal_stdlib>
using namespace metal;
struct A { uint n; bool b; }; kernel void k(device float* p [[buffer(0)]], constant A& a [[buffer(1)]]) { p[0] = a.b ? 1.0f : 2.0f; }
