// SPDX-License-Identifier: Apache-2.0
// expect: infinite as a half
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]]) { half h = 70000.0h; p[0] = h; }
