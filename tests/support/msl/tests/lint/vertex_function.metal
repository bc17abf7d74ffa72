// SPDX-License-Identifier: Apache-2.0
// expect: compute kernels only
#include <metal_stdlib>
using namespace metal;
vertex float4 v(uint i [[vertex_id]]) { return float4(0); }
