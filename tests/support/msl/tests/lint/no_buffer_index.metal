// SPDX-License-Identifier: Apache-2.0
// expect: has no attribute
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p) { p[0] = 1; }
