// SPDX-License-Identifier: Apache-2.0
// MARLIN_UNROLL before a loop of constant count: the compiler must unroll it wholly, so that arrays of vectors indexed
// by its counter live in registers.
#pragma once

#if defined(__clang__)
#define MARLIN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MARLIN_UNROLL _Pragma("GCC unroll 16")
#endif
