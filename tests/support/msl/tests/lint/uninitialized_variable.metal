// SPDX-License-Identifier: Apache-2.0
// expect: uninitialized
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]]) { float x; p[0] = x; }
