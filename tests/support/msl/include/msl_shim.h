// SPDX-License-Identifier: Apache-2.0
// A software stand-in for <metal_stdlib>: the first line of every translated kernel file (translator/glue.py).
//   MSL_STRICT=1   device, constant and threadgroup are distinct address spaces: for type checking only, not run
//   MSL_STRICT=0   all pointers are plain: what runs
//   MSL_PTX=1      with MSL_STRICT=1: code for an NVIDIA GPU, where the headers of ptx/ stand in for the interpreter
//   MSL_CHECKED=1  with every memory access reported to the interpreter
// The order matters: keywords.h turns MSL's keywords into macros and must come after every C++ header.
#pragma once

// clang-format off
#include "shim/scalar.h"
#include "shim/vector.h"
#include "shim/math.h"
#include "shim/simdgroup.h"
#include "shim/simdgroup_matrix.h"
#include "shim/atomic.h"
#if MSL_PTX
#include "ptx/entry.h"
#else
#include "shim/entry.h"
#endif
#include "shim/keywords.h"
// clang-format on
