// SPDX-License-Identifier: Apache-2.0
// expect: instantiated under no host name
#include <metal_stdlib>
using namespace metal;
template <typename T> kernel void k(device T* p [[buffer(0)]]) { p[0] = T(1); }
