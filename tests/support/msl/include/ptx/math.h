// SPDX-License-Identifier: Apache-2.0
// The scalar functions under shim/math.h on an NVIDIA GPU. Those without a body here have no kernel that needs them:
// ptxas refuses a file that calls one.
#pragma once

#include "shim/vector.h"

namespace msl::scalar {

MSL_INLINE float sqrtf(float x) { return __nvvm_sqrt_rn_f(x); }
MSL_INLINE float rsqrtf(float x) { return 1.0F / __nvvm_sqrt_rn_f(x); }
MSL_INLINE float fmaf(float a, float b, float c) { return __nvvm_fma_rn_f(a, b, c); }
MSL_INLINE float fabsf(float x) { return __nvvm_fabs_f(x); }
MSL_INLINE float floorf(float x) { return __nvvm_floor_f(x); }
MSL_INLINE float ceilf(float x) { return __nvvm_ceil_f(x); }
MSL_INLINE float truncf(float x) { return __nvvm_trunc_f(x); }
MSL_INLINE float rintf(float x) { return __nvvm_round_f(x); }  // cvt.rni: to even

/// 2^n for whole n from -252 to 254, in two factors, so that results may be denormal.
MSL_INLINE float scaled(float x, float n) {
  const int half = (int)n / 2;
  const int rest = (int)n - half;
  return x * __builtin_bit_cast(float, (half + 127) << 23) * __builtin_bit_cast(float, (rest + 127) << 23);
}
MSL_INLINE float exp2f(float x) {
  x = x < -250.0F ? -250.0F : x > 250.0F ? 250.0F : x;
  const float n = rintf(x);
  return x == x ? scaled(__nvvm_ex2_approx_f(x - n), n) : x;
}
/// Within two units in the last place: the remainder of x log2(e) is kept in full.
MSL_INLINE float expf(float x) {
  constexpr float kLog2E = 1.44269502F;
  constexpr float kLog2ERest = 1.92596303e-8F;
  if (x != x) return x;
  x = x < -150.0F ? -150.0F : x > 150.0F ? 150.0F : x;
  const float n = rintf(x * kLog2E);
  return scaled(__nvvm_ex2_approx_f(fmaf(x, kLog2ERest, fmaf(x, kLog2E, -n))), n);
}

float exp10f(float x);
float logf(float x);
float log2f(float x);
float log10f(float x);
float sinf(float x);
float cosf(float x);
float tanhf(float x);
float roundf(float x);
float powf(float a, float b);
float atan2f(float a, float b);
float fmodf(float a, float b);

}  // namespace msl::scalar
