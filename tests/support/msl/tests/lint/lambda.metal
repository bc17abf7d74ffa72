// SPDX-License-Identifier: Apache-2.0
// expect: lambda
#include <metal_stdlib>
using namespace metal;
kernel void k(device int* p [[buffer(0)]]) { auto f = [](int x) { return x + 1; }; p[0] = f(1); }
