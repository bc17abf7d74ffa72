// SPDX-License-Identifier: Apache-2.0
// expect: which is no kernel of this file
#include <metal_stdlib>
using namespace metal;
template <typename T> kernel void k(device T* p [[buffer(0)]]) { p[0] = T(1); } template [[host_name("k_f32")]] kernel void j<float>(device float*);
