// SPDX-License-Identifier: Apache-2.0
// expect: is used twice
#include <metal_stdlib>
using namespace metal;
template <typename T> kernel void k(device T* p [[buffer(0)]]) { p[0] = T(1); } template [[host_name("k")]] kernel void k<float>(device float*); template [[host_name("k")]] kernel void k<half>(device half*);
