// SPDX-License-Identifier: Apache-2.0
// Arithmetic that CUDA C++ has beyond <cmath>. Functions that are approximate on a GPU are exact to a rounding here.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1.0F / x; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __saturatef(float x) { return x > 0.0F ? (x < 1.0F ? x : 1.0F) : 0.0F; }
inline float rsqrtf(float x) { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x))); }

// The C library declares functions of these names that it does not have.
#define __expf(x) expf(x)
#define __exp2f(x) exp2f(x)
#define __exp10f(x) exp10f(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)

// min and max of two types that differ have the wider one, unsigned if one of equal width is.
template <typename A, typename B, typename = std::enable_if_t<std::is_arithmetic_v<A> && std::is_arithmetic_v<B>>>
constexpr auto min(A a, B b) {
  using Both = decltype(a + b);
  if constexpr (std::is_floating_point_v<Both>) {
    return static_cast<Both>(std::fmin(static_cast<Both>(a), static_cast<Both>(b)));
  } else {
    return static_cast<Both>(a) < static_cast<Both>(b) ? static_cast<Both>(a) : static_cast<Both>(b);
  }
}
template <typename A, typename B, typename = std::enable_if_t<std::is_arithmetic_v<A> && std::is_arithmetic_v<B>>>
constexpr auto max(A a, B b) {
  using Both = decltype(a + b);
  if constexpr (std::is_floating_point_v<Both>) {
    return static_cast<Both>(std::fmax(static_cast<Both>(a), static_cast<Both>(b)));
  } else {
    return static_cast<Both>(a) > static_cast<Both>(b) ? static_cast<Both>(a) : static_cast<Both>(b);
  }
}

// Conversions with a named rounding.
inline int __float2int_rn(float x) {
  if (std::isnan(x)) return 0;
  const double rounded = std::nearbyint(static_cast<double>(x));
  if (rounded >= 2147483647.0) return std::numeric_limits<int>::max();
  return rounded <= -2147483648.0 ? std::numeric_limits<int>::min() : static_cast<int>(rounded);
}
inline unsigned __float2uint_rn(float x) {
  if (!(x > 0.0F)) return 0;
  const double rounded = std::nearbyint(static_cast<double>(x));
  return rounded >= 4294967295.0 ? std::numeric_limits<unsigned>::max() : static_cast<unsigned>(rounded);
}
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
