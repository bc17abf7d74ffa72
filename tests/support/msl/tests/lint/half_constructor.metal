// SPDX-License-Identifier: Apache-2.0
// expect: infinite as a half
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]]) { p[0] = float(half(1e5f)); }
