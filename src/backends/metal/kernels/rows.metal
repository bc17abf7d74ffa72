// SPDX-License-Identifier: Apache-2.0
// Kernels on memory and on rows of floats; each is described in the abi header of its name.
#include <metal_stdlib>

#include "abi/copy.h"

using namespace metal;
using namespace marlin::abi;

kernel void copy_f32(constant CopyArguments& arguments [[buffer(0)]], const device float* source [[buffer(1)]],
                     device float* destination [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  if (i < arguments.n) destination[i] = source[i];
}
