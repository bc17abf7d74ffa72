// SPDX-License-Identifier: Apache-2.0
// expect: qualified by an address space
#include <metal_stdlib>
using namespace metal;
struct A { float x; float get() const constant { return x; } }; kernel void k(device float* p [[buffer(0)]]) { p[0] = 1; }
