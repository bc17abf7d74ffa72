// SPDX-License-Identifier: Apache-2.0
// expect: no viable conversion
#include <metal_stdlib>
using namespace metal;
kernel void k(device ushort* p [[buffer(0)]]) { float f = 1.5f; bfloat b = f; p[0] = as_type<ushort>(b); }
