// SPDX-License-Identifier: Apache-2.0
// A software stand-in for <metal_stdlib>: the first line of every translated kernel file (translator/glue.py).
//   MSL_STRICT=1   device, constant and threadgroup are distinct address spaces: for type checking only, never run
//   MSL_STRICT=0   all pointers are plain: what runs
//   MSL_CHECKED=1  with every memory access reported to the interpreter
// The order matters: keywords.h turns MSL's keywords into macros and must come after every C++ header.
#pragma once

#include "shim/scalar.h"
// after scalar.h
#include "shim/vector.h"
// after vector.h
#include "shim/math.h"
// after math.h
#include "shim/simdgroup.h"
// after simdgroup.h
#include "shim/simdgroup_matrix.h"
// after simdgroup_matrix.h
#include "shim/atomic.h"
// after atomic.h
#include "shim/entry.h"
// last
#include "shim/keywords.h"
