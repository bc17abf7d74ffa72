// SPDX-License-Identifier: Apache-2.0
// MSL's scalar types for clang: half rounds after every operation (clang's native half), bfloat is a class that widens
// implicitly and narrows explicitly, as the MSL specification has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernel_interface.h"

// No debug location of its own: an access inside a shim function is reported at the line of the kernel that called it.
#define MSL_INLINE inline __attribute__((always_inline, nodebug))
// For functions that read the interpreter's own memory: not instrumented, so never merged into a kernel.
#define MSL_UNCHECKED \
  __attribute__((noinline, convergent, nodebug, no_sanitize("address", "alignment", "array-bounds")))
#define MSL_UNCHECKED_INLINE \
  inline __attribute__((always_inline, nodebug, no_sanitize("address", "alignment", "array-bounds")))
// The place of the call, when used as a default argument.
#define MSL_SITE \
  ::msl::Site { __builtin_FILE(), __builtin_LINE(), __builtin_COLUMN() }

#if MSL_PTX
#include "ptx/seam.h"
#endif

typedef __fp16 half;
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
static_assert(sizeof(long) == 8 && sizeof(half) == 2);

struct bfloat {
  std::uint16_t bits;

  bfloat() = default;
  MSL_INLINE explicit constexpr bfloat(float value) : bits(round(value)) {}
  MSL_INLINE explicit constexpr bfloat(half value) : bits(round(static_cast<float>(value))) {}
  template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
  MSL_INLINE explicit constexpr bfloat(T value) : bits(round(static_cast<float>(value))) {}
  MSL_INLINE constexpr operator float() const {
    return __builtin_bit_cast(float, static_cast<std::uint32_t>(bits) << 16);
  }
  MSL_INLINE bfloat& operator+=(float other) { return *this = bfloat(static_cast<float>(*this) + other); }
  MSL_INLINE bfloat& operator-=(float other) { return *this = bfloat(static_cast<float>(*this) - other); }
  MSL_INLINE bfloat& operator*=(float other) { return *this = bfloat(static_cast<float>(*this) * other); }

  // To nearest, ties to even; a NaN stays one.
  static MSL_INLINE constexpr std::uint16_t round(float value) {
    const auto u = __builtin_bit_cast(std::uint32_t, value);
    if ((u & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((u >> 16) | 0x40U);
    return static_cast<std::uint16_t>((u + 0x7fffU + ((u >> 16) & 1U)) >> 16);
  }
};

#define MSL_BFLOAT_OPERATOR(op)                                                                    \
  MSL_INLINE constexpr bfloat operator op(bfloat a, bfloat b) {                                    \
    return bfloat(static_cast<float>(a) op static_cast<float>(b));                                 \
  }                                                                                                \
  MSL_INLINE constexpr float operator op(float a, bfloat b) { return a op static_cast<float>(b); } \
  MSL_INLINE constexpr float operator op(bfloat a, float b) { return static_cast<float>(a) op b; }
MSL_BFLOAT_OPERATOR(+)
MSL_BFLOAT_OPERATOR(-)
MSL_BFLOAT_OPERATOR(*)
MSL_BFLOAT_OPERATOR(/)
#undef MSL_BFLOAT_OPERATOR
MSL_INLINE constexpr bfloat operator-(bfloat a) { return bfloat(-static_cast<float>(a)); }

template <class To, class From>
MSL_INLINE constexpr To as_type(From from) {
  static_assert(sizeof(To) == sizeof(From), "as_type: sizes differ");
  return __builtin_bit_cast(To, from);
}

namespace metal {

template <class T>
inline constexpr bool is_float_v = std::is_same_v<T, float> || std::is_same_v<T, half> || std::is_same_v<T, bfloat>;

using std::conditional;
using std::conditional_t;
using std::enable_if;
using std::enable_if_t;
using std::false_type;
using std::integral_constant;
using std::is_convertible_v;
using std::is_integral_v;
using std::is_same_v;
using std::is_signed_v;
using std::is_unsigned_v;
using std::remove_cv_t;
using std::remove_reference_t;
using std::true_type;
template <bool B>
using bool_constant = integral_constant<bool, B>;
template <class T>
inline constexpr bool is_floating_point_v = is_float_v<T>;

template <class T>
struct numeric_limits;

#define MSL_FLOAT_LIMITS(T, MAX, MIN, EPSILON)                         \
  template <>                                                          \
  struct numeric_limits<T> {                                           \
    static constexpr T max() { return (T)(MAX); }                      \
    static constexpr T lowest() { return (T)(-(MAX)); }                \
    static constexpr T min() { return (T)(MIN); }                      \
    static constexpr T epsilon() { return (T)(EPSILON); }              \
    static constexpr T infinity() { return (T)(__builtin_inff()); }    \
    static constexpr T quiet_NaN() { return (T)(__builtin_nanf("")); } \
  };
MSL_FLOAT_LIMITS(float, 3.402823466e38F, 1.17549435e-38F, 1.1920929e-7F)
MSL_FLOAT_LIMITS(half, 65504.0F, 6.103515625e-05F, 0.0009765625F)
MSL_FLOAT_LIMITS(bfloat, 3.3895314e38F, 1.17549435e-38F, 0.0078125F)
#undef MSL_FLOAT_LIMITS

#define MSL_INTEGER_LIMITS(T, MIN, MAX)         \
  template <>                                   \
  struct numeric_limits<T> {                    \
    static constexpr T max() { return MAX; }    \
    static constexpr T min() { return MIN; }    \
    static constexpr T lowest() { return MIN; } \
  };
MSL_INTEGER_LIMITS(std::int8_t, INT8_MIN, INT8_MAX)
MSL_INTEGER_LIMITS(std::uint8_t, 0, UINT8_MAX)
MSL_INTEGER_LIMITS(std::int16_t, INT16_MIN, INT16_MAX)
MSL_INTEGER_LIMITS(std::uint16_t, 0, UINT16_MAX)
MSL_INTEGER_LIMITS(std::int32_t, INT32_MIN, INT32_MAX)
MSL_INTEGER_LIMITS(std::uint32_t, 0, UINT32_MAX)
MSL_INTEGER_LIMITS(std::int64_t, INT64_MIN, INT64_MAX)
MSL_INTEGER_LIMITS(std::uint64_t, 0, UINT64_MAX)
#undef MSL_INTEGER_LIMITS

}  // namespace metal
