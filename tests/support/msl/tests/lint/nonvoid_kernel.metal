// SPDX-License-Identifier: Apache-2.0
// expect: must return void
#include <metal_stdlib>
using namespace metal;
kernel int k(device int* p [[buffer(0)]]) { p[0] = 1; return 0; }
