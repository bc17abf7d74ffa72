// SPDX-License-Identifier: Apache-2.0
// expect: derived classes
#include <metal_stdlib>
using namespace metal;
struct A { int x; }; struct B : A { int y; }; kernel void k(device int* p [[buffer(0)]]) { B b; b.x = 1; b.y = 2; p[0] = b.x; }
