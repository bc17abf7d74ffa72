// SPDX-License-Identifier: Apache-2.0
// expect: virtual
#include <metal_stdlib>
using namespace metal;
struct A { virtual int g() { return 1; } }; kernel void k(device int* p [[buffer(0)]]) { A a; p[0] = a.g(); }
