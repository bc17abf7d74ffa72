// SPDX-License-Identifier: Apache-2.0
// expect: constant address space
#include <metal_stdlib>
using namespace metal;
int counter = 0; kernel void k(device int* p [[buffer(0)]]) { p[0] = counter; }
