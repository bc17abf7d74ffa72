// SPDX-License-Identifier: Apache-2.0
// expect: standard library
#include <metal_stdlib>
using namespace metal;
kernel void k(device float* p [[buffer(0)]]) { p[0] = std::sqrt(p[0]); }
