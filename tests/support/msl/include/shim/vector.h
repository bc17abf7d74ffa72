// SPDX-License-Identifier: Apache-2.0
// MSL's vectors are clang's own ext_vector_type: swizzles, .lo, [] and comparisons come with it. Only construction is
// spelled differently in C++: the translator writes float4(a, b) as msl::make<float4>(a, b) and (float4)x as
// msl::cast<float4>{}->*x.
#pragma once

#include "shim/scalar.h"

namespace metal {
template <class T, int N>
using vec = T __attribute__((ext_vector_type(N)));
}  // namespace metal

#define MSL_VECTORS(T)                                \
  typedef T T##2 __attribute__((ext_vector_type(2))); \
  typedef T T##3 __attribute__((ext_vector_type(3))); \
  typedef T T##4 __attribute__((ext_vector_type(4)));
MSL_VECTORS(half)
MSL_VECTORS(float)
MSL_VECTORS(char)
MSL_VECTORS(uchar)
MSL_VECTORS(short)
MSL_VECTORS(ushort)
MSL_VECTORS(int)
MSL_VECTORS(uint)
MSL_VECTORS(long)
MSL_VECTORS(ulong)
#undef MSL_VECTORS
// clang 14 has no vectors of bool.
typedef uchar bool2 __attribute__((ext_vector_type(2)));
typedef uchar bool3 __attribute__((ext_vector_type(3)));
typedef uchar bool4 __attribute__((ext_vector_type(4)));

namespace msl {

template <class V>
struct VectorTraits {
  using Element = V;
  static constexpr int kSize = 1;
  static constexpr bool kIsVector = false;
};
template <class T, int N>
struct VectorTraits<T __attribute__((ext_vector_type(N)))> {
  using Element = T;
  static constexpr int kSize = N;
  static constexpr bool kIsVector = true;
};

template <class V, class A>
MSL_INLINE void append(V& result, int& i, A a) {
  using E = typename VectorTraits<V>::Element;
  if constexpr (VectorTraits<A>::kIsVector) {
    for (int k = 0; k < VectorTraits<A>::kSize; ++k) result[i++] = (E)a[k];
  } else {
    result[i++] = (E)a;
  }
}

template <class V, class... A>
MSL_INLINE V make(A... a) {
  using E = typename VectorTraits<V>::Element;
  if constexpr (!VectorTraits<V>::kIsVector) {
    return V(a...);
  } else if constexpr (sizeof...(A) == 1 && (!VectorTraits<A>::kIsVector && ...)) {
    return V((E)(a + ...));
  } else {
    static_assert((0 + ... + VectorTraits<A>::kSize) == VectorTraits<V>::kSize,
                  "MSL vector constructor: wrong number of components");
    V result;
    int i = 0;
    (append(result, i, a), ...);
    return result;
  }
}

template <class V>
struct cast {};
template <class V, class A>
MSL_INLINE V operator->*(cast<V>, A a) {
  return make<V>(a);
}

}  // namespace msl
