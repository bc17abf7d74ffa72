// SPDX-License-Identifier: Apache-2.0
// MSL's maths. Functions of one argument are computed in float by libm and rounded to the argument's type; fast:: and
// precise:: are the same here (docs/metal-testing.md says what that cannot show). Vectors are element by element.
#pragma once

#include "shim/vector.h"

#if MSL_PTX
#include "ptx/math.h"
#else
#include <cmath>

namespace msl::scalar {
using ::atan2f;
using ::ceilf;
using ::cosf;
using ::exp2f;
using ::expf;
using ::fabsf;
using ::floorf;
using ::fmaf;
using ::fmodf;
using ::log10f;
using ::log2f;
using ::logf;
using ::powf;
using ::rintf;
using ::roundf;
using ::sinf;
using ::sqrtf;
using ::tanhf;
using ::truncf;
MSL_INLINE float rsqrtf(float x) { return 1.0F / ::sqrtf(x); }
MSL_INLINE float exp10f(float x) { return ::powf(10.0F, x); }
}  // namespace msl::scalar
#endif

namespace metal {

#define MSL_UNARY(name)                                                        \
  template <class T, enable_if_t<is_float_v<T>, int> = 0>                      \
  MSL_INLINE T name(T x) {                                                     \
    return (T)::msl::scalar::name##f((float)x);                                \
  }                                                                            \
  template <class T, int N, enable_if_t<is_float_v<T>, int> = 0>               \
  MSL_INLINE vec<T, N> name(vec<T, N> x) {                                     \
    vec<T, N> r;                                                               \
    for (int i = 0; i < N; ++i) r[i] = (T)::msl::scalar::name##f((float)x[i]); \
    return r;                                                                  \
  }
#define MSL_EVERY_UNARY \
  MSL_UNARY(exp)        \
  MSL_UNARY(exp2)       \
  MSL_UNARY(exp10)      \
  MSL_UNARY(log)        \
  MSL_UNARY(log2)       \
  MSL_UNARY(log10)      \
  MSL_UNARY(sqrt)       \
  MSL_UNARY(rsqrt)      \
  MSL_UNARY(sin)        \
  MSL_UNARY(cos)        \
  MSL_UNARY(tanh)       \
  MSL_UNARY(fabs)       \
  MSL_UNARY(floor)      \
  MSL_UNARY(ceil)       \
  MSL_UNARY(rint)       \
  MSL_UNARY(trunc)      \
  MSL_UNARY(round)
#define MSL_BINARY_PRECISE                                \
  template <class T, enable_if_t<is_float_v<T>, int> = 0> \
  MSL_INLINE T pow(T a, T b) {                            \
    return (T)::msl::scalar::powf((float)a, (float)b);    \
  }                                                       \
  template <class T>                                      \
  MSL_INLINE T divide(T a, T b) {                         \
    return a / b;                                         \
  }
MSL_EVERY_UNARY
MSL_BINARY_PRECISE
namespace precise {
MSL_EVERY_UNARY
MSL_BINARY_PRECISE
}  // namespace precise
namespace fast {
MSL_EVERY_UNARY
MSL_BINARY_PRECISE
}  // namespace fast
#undef MSL_UNARY
#undef MSL_EVERY_UNARY
#undef MSL_BINARY_PRECISE

template <class T, enable_if_t<is_float_v<T>, int> = 0>
MSL_INLINE T atan2(T a, T b) {
  return (T)::msl::scalar::atan2f((float)a, (float)b);
}
template <class T, enable_if_t<is_float_v<T>, int> = 0>
MSL_INLINE T fmod(T a, T b) {
  return (T)::msl::scalar::fmodf((float)a, (float)b);
}
template <class T, enable_if_t<is_float_v<T>, int> = 0>
MSL_INLINE T fma(T a, T b, T c) {
  return (T)::msl::scalar::fmaf((float)a, (float)b, (float)c);
}
template <class T, int N, enable_if_t<is_float_v<T>, int> = 0>
MSL_INLINE vec<T, N> fma(vec<T, N> a, vec<T, N> b, vec<T, N> c) {
  for (int i = 0; i < N; ++i) a[i] = fma(a[i], b[i], c[i]);
  return a;
}

template <class T>
MSL_INLINE T max(T a, T b) {
  if constexpr (msl::VectorTraits<T>::kIsVector) {
    for (int i = 0; i < msl::VectorTraits<T>::kSize; ++i) a[i] = a[i] < b[i] ? b[i] : a[i];
    return a;
  } else {
    return a < b ? b : a;
  }
}
template <class T>
MSL_INLINE T min(T a, T b) {
  if constexpr (msl::VectorTraits<T>::kIsVector) {
    for (int i = 0; i < msl::VectorTraits<T>::kSize; ++i) a[i] = b[i] < a[i] ? b[i] : a[i];
    return a;
  } else {
    return b < a ? b : a;
  }
}
// As IEEE's: a NaN loses against a number.
template <class T, enable_if_t<is_float_v<T>, int> = 0>
MSL_INLINE T fmax(T a, T b) {
  return a != a ? b : b != b ? a : a < b ? b : a;
}
template <class T, enable_if_t<is_float_v<T>, int> = 0>
MSL_INLINE T fmin(T a, T b) {
  return a != a ? b : b != b ? a : b < a ? b : a;
}
template <class T, int N>
MSL_INLINE vec<T, N> fmax(vec<T, N> a, vec<T, N> b) {
  for (int i = 0; i < N; ++i) a[i] = fmax((T)a[i], (T)b[i]);
  return a;
}
template <class T, int N>
MSL_INLINE vec<T, N> fmin(vec<T, N> a, vec<T, N> b) {
  for (int i = 0; i < N; ++i) a[i] = fmin((T)a[i], (T)b[i]);
  return a;
}
template <class T>
MSL_INLINE T clamp(T x, T lo, T hi) {
  return min(max(x, lo), hi);
}
template <class T, int N>
MSL_INLINE vec<T, N> clamp(vec<T, N> x, T lo, T hi) {
  return min(max(x, vec<T, N>(lo)), vec<T, N>(hi));
}
template <class T>
MSL_INLINE T saturate(T x) {
  return clamp(x, T(0), T(1));
}
template <class T>
MSL_INLINE T mix(T a, T b, T t) {
  return a + (b - a) * t;
}
template <class T>
MSL_INLINE T abs(T x) {
  return x < T(0) ? T(-x) : x;
}
template <class T, int N>
MSL_INLINE vec<T, N> abs(vec<T, N> x) {
  for (int i = 0; i < N; ++i) x[i] = abs((T)x[i]);
  return x;
}
template <class T>
MSL_INLINE T sign(T x) {
  return x > T(0) ? T(1) : x < T(0) ? T(-1) : T(0);
}
template <class T, int N>
MSL_INLINE T dot(vec<T, N> a, vec<T, N> b) {
  T sum = a[0] * b[0];
  for (int i = 1; i < N; ++i) sum += a[i] * b[i];
  return sum;
}
template <class T>
MSL_INLINE T select(T a, T b, bool c) {
  return c ? b : a;
}
template <class T, int N, class B>
MSL_INLINE vec<T, N> select(vec<T, N> a, vec<T, N> b, vec<B, N> c) {
  for (int i = 0; i < N; ++i) a[i] = c[i] ? b[i] : a[i];
  return a;
}
template <class B, int N>
MSL_INLINE bool any(vec<B, N> x) {
  for (int i = 0; i < N; ++i)
    if (x[i]) return true;
  return false;
}
template <class B, int N>
MSL_INLINE bool all(vec<B, N> x) {
  for (int i = 0; i < N; ++i)
    if (!x[i]) return false;
  return true;
}
template <class T>
MSL_INLINE bool isnan(T x) {
  return x != x;
}
template <class T>
MSL_INLINE bool isinf(T x) {
  return __builtin_fabsf((float)x) == __builtin_inff();
}
template <class T>
MSL_INLINE bool isfinite(T x) {
  return __builtin_fabsf((float)x) < __builtin_inff();
}
MSL_INLINE uint popcount(uint x) { return (uint)__builtin_popcount(x); }
MSL_INLINE uint clz(uint x) { return x ? (uint)__builtin_clz(x) : 32U; }
MSL_INLINE uint ctz(uint x) { return x ? (uint)__builtin_ctz(x) : 32U; }
MSL_INLINE uint reverse_bits(uint x) { return __builtin_bitreverse32(x); }
MSL_INLINE uint extract_bits(uint x, uint offset, uint bits) {
  return bits == 0 ? 0 : (x >> offset) & (bits >= 32 ? ~0U : (1U << bits) - 1);
}
MSL_INLINE uint mulhi(uint a, uint b) { return (uint)(((ulong)a * b) >> 32); }
MSL_INLINE int mulhi(int a, int b) { return (int)(((long)a * b) >> 32); }
template <class T>
MSL_INLINE T rotate(T x, T n) {
  constexpr T kBits = sizeof(T) * 8;
  return (n % kBits) == 0 ? x : T(x << (n % kBits)) | T(x >> (kBits - n % kBits));
}

}  // namespace metal
