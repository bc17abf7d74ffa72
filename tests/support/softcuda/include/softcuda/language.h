// SPDX-License-Identifier: Apache-2.0
// The words that CUDA C++ adds to the language. A variable in shared memory is found by the tag in its symbol's name
// and poisoned before each block (device/shared_variables.h).
#pragma once

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static __attribute__((abi_tag("cuda_shared")))
