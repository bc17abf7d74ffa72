// SPDX-License-Identifier: Apache-2.0
// expect: unknown or unsupported attribute
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]], uint t [[thread_position_in_treadgroup]]) { p[t] = 1; }
