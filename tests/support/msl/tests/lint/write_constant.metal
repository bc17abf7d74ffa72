// SPDX-License-Identifier: Apache-2.0
// expect: not assignable
#include <metal_stdlib>
using namespace metal;
kernel void k(constant float* p [[buffer(0)]]) { p[0] = 1; }
