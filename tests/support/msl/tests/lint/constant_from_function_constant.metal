// SPDX-License-Identifier: Apache-2.0
// expect: inside the kernel
#include <metal_stdlib>
using namespace metal;
constant int a [[function_constant(0)]]; constant int b = a * 2; kernel void k(device float* p [[buffer(0)]]) { p[0] = b; }
