// SPDX-License-Identifier: Apache-2.0
// MSL's keywords and macros. Must come last: `device`, `thread` and `constant` are ordinary words in C++ headers.
#pragma once

#if MSL_STRICT
#define device __attribute__((address_space(1)))
#if MSL_PTX
#define constant const __attribute__((address_space(1)))
#else
#define constant const __attribute__((address_space(2)))
#endif
#define threadgroup __attribute__((address_space(3)))
#if MSL_PTX
#define MSL_THREADGROUP_STORAGE __attribute__((address_space(3), aligned(16)))
#else
#define MSL_THREADGROUP_STORAGE __attribute__((section("msl_tg"), used))
#endif
// A threadgroup variable. Its type in address space 3 may be a class without a constructor for that space, so what is
// emitted, to be measured by translator/strict.py, is bytes of the same size.
#define MSL_THREADGROUP(id, variable, dimensions, ...)                               \
  typedef __VA_ARGS__ msl_type_##id MSL_UNPAREN dimensions;                          \
  static MSL_THREADGROUP_STORAGE char msl_storage_##variable[sizeof(msl_type_##id)]; \
  threadgroup msl_type_##id& variable = *(threadgroup msl_type_##id*)(void*)msl_storage_##variable
#else
#define device
#define constant const
#define threadgroup
// A threadgroup variable: a reference to storage that the interpreter gives, one per threadgroup.
#define MSL_THREADGROUP(id, variable, dimensions, ...)      \
  typedef __VA_ARGS__ msl_type_##id MSL_UNPAREN dimensions; \
  msl_type_##id& variable = *static_cast<msl_type_##id*>(   \
      ::msl::threadgroup_variable(id, #variable, sizeof(msl_type_##id), alignof(msl_type_##id), MSL_SITE))
#endif
#define thread
// A function constant: written by the interpreter before a launch, so not `const` here.
// For a GPU, it is defined by ptx/entry.h.
#if MSL_PTX
#define MSL_FUNCTION_CONSTANT extern "C" __attribute__((address_space(1)))
#define is_function_constant_defined(variable) true
#else
#define MSL_FUNCTION_CONSTANT static
#define is_function_constant_defined(variable) (msl_defined_##variable)
#endif

#define METAL_FUNC inline __attribute__((always_inline))
#undef FLT_MAX
#undef FLT_MIN
#undef FLT_EPSILON
#undef INFINITY
#undef NAN
#undef HUGE_VALF
#undef assert
#define FLT_MAX 3.402823466e38f
#define FLT_MIN 1.17549435e-38f
#define FLT_EPSILON 1.1920929e-7f
#define HALF_MAX ((half)65504.0f)
#define MAXHALF ((half)65504.0f)
#define M_PI_F 3.14159265358979323846f
#define INFINITY __builtin_inff()
#define HUGE_VALF __builtin_inff()
#define NAN __builtin_nanf("")
#define assert(x) ((void)0)
