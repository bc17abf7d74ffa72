// SPDX-License-Identifier: Apache-2.0
// CUDA in software: what the cuda backend needs of the CUDA runtime and of CUDA C++, for a plain C++20 compiler.
// Kernels run on the CPU, a fibre for each CUDA thread, and a wrong one ends the program with a message: a barrier or
// warp function that some lanes never reach, an asynchronous copy that is not aligned. Shared memory, device memory and
// copies that nobody waited for are filled with 0xFF bytes first, which are NaN as numbers.
//
// A kernel and its test, without CMake (softcuda.so is built by device/*.cc, host/*.cc, control/*.cc; see
// run_kernel.h):
//   g++ -std=c++20 -O1 -g -fno-strict-aliasing -Wno-unknown-pragmas -x c++ -include cuda_runtime.h
//   -Itests/support/softcuda/include -I. -Isrc
//       -Iinclude my_test.cc src/backends/cuda/kernels/rows.cu -L... -lmarlin_softcuda -Wl,-rpath,...
//   SOFTCUDA=schedule=random,seed=3 ./a.out      (control/environment.h has all words)
//
// Surprises: __CUDACC__ and __CUDA_ARCH__ stay undefined; `__shared__` makes plain static variables, so the runtime
// runs one kernel at a time; a kernel has one parameter, a marlin::cuda::KernelCall.
#pragma once

#include <math.h>  // as CUDA C++ has it: the functions in the global namespace, without prefix

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "softcuda/arithmetic.h"
#include "softcuda/atomics.h"
#include "softcuda/bits.h"
#include "softcuda/host_functions.h"
#include "softcuda/host_types.h"
#include "softcuda/language.h"
#include "softcuda/memory.h"
#include "softcuda/tensor.h"
#include "softcuda/threads.h"
#include "softcuda/vector_types.h"
