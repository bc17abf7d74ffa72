// SPDX-License-Identifier: Apache-2.0
// expect: exceptions
#include <metal_stdlib>
using namespace metal;
kernel void k(device int* p [[buffer(0)]]) { try { p[0] = 1; } catch (...) {} }
