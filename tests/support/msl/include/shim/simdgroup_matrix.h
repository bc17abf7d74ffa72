// SPDX-License-Identifier: Apache-2.0
// 8x8 simdgroup matrices. Lane l holds (row, column) and (row, column + 1) in the layout that MLX's kernels rely on;
// Apple documents none, so kernels must not (thread_elements is for element-wise work only). Products are summed in
// float. Every operation needs all 32 lanes.
#pragma once

#include "shim/simdgroup.h"

namespace metal {

template <class T, int Columns = 8, int Rows = 8>
struct simdgroup_matrix {
  static_assert(Columns == 8 && Rows == 8, "simdgroup matrices are 8x8");
  static_assert(is_float_v<T>, "simdgroup matrices are of float, half or bfloat");
  T elements[2];

  simdgroup_matrix() = default;
  MSL_INLINE explicit simdgroup_matrix(T value) : elements{value, value} {}
  MSL_INLINE vec<T, 2>& thread_elements() { return reinterpret_cast<vec<T, 2>&>(elements); }
};
typedef simdgroup_matrix<float> simdgroup_float8x8;
typedef simdgroup_matrix<half> simdgroup_half8x8;
typedef simdgroup_matrix<bfloat> simdgroup_bfloat8x8;

}  // namespace metal

namespace msl {

MSL_UNCHECKED_INLINE int matrix_row(int lane) { return ((lane / 4) & 4) + (lane / 2) % 4; }
MSL_UNCHECKED_INLINE int matrix_column(int lane) { return ((lane / 4) & 2) * 2 + (lane % 2) * 2; }
MSL_UNCHECKED_INLINE int matrix_lane(int row, int column) {
  return ((row & 4) << 2) | ((column & 4) << 1) | ((row & 3) << 1) | ((column & 2) >> 1);
}

struct MatrixPair {
  float first;
  float second;
};

#if MSL_PTX
/// a b + c for the two elements of this lane.
template <class A, class B>
MSL_INLINE MatrixPair multiply_accumulate(const A (&a)[2], const B (&b)[2], float c0, float c1, Site /*site*/) {
  const int row = matrix_row(lane_index());
  const int column = matrix_column(lane_index());
  for (int k = 0; k < 8; ++k) {
    const float left = (float)shuffle(a[0], matrix_lane(row, k & ~1));
    const float next = (float)shuffle(a[1], matrix_lane(row, k & ~1));
    const float factor = (k & 1) != 0 ? next : left;
    c0 += factor * (float)shuffle(b[0], matrix_lane(k, column));
    c1 += factor * (float)shuffle(b[1], matrix_lane(k, column));
  }
  return {c0, c1};
}
#else
/// a b + c for the two elements of this lane.
template <class A, class B>
MSL_UNCHECKED MatrixPair multiply_accumulate(const A (&a)[2], const B (&b)[2], float c0, float c1, Site site) {
  struct Elements {
    A a[2];
    B b[2];
  } mine = {{a[0], a[1]}, {b[0], b[1]}};
  const Exchange& lanes =
      exchange(&mine, sizeof(mine), "simdgroup_multiply_accumulate", true, __builtin_return_address(0), site);
  const int row = matrix_row(lane_index());
  const int column = matrix_column(lane_index());
  for (int k = 0; k < 8; ++k) {
    Elements left;
    Elements right;
    __builtin_memcpy(&left, lanes.values[matrix_lane(row, k & ~1)], sizeof(left));
    __builtin_memcpy(&right, lanes.values[matrix_lane(k, column)], sizeof(right));
    c0 += (float)left.a[k & 1] * (float)right.b[0];
    c1 += (float)left.a[k & 1] * (float)right.b[1];
  }
  return {c0, c1};
}
#endif

#if MSL_CHECKED
inline MSL_UNCHECKED void wait_for_whole_simdgroup(const char* operation, Site site) {
  const int nothing = 0;
  exchange(&nothing, sizeof(nothing), operation, true, __builtin_return_address(0), site);
}
#endif
/// In the checked build: that the whole simdgroup takes part in a load or store.
MSL_INLINE void require_whole_simdgroup([[maybe_unused]] const char* operation, [[maybe_unused]] Site site) {
#if MSL_CHECKED
  wait_for_whole_simdgroup(operation, site);
#endif
}

}  // namespace msl

namespace metal {

template <class T, class Pointer>
MSL_INLINE void simdgroup_load(simdgroup_matrix<T>& d, Pointer source, ulong elements_per_row = 8,
                               ulong2 origin = ulong2{0, 0}, bool transpose = false, ::msl::Site site = MSL_SITE) {
  ::msl::require_whole_simdgroup("simdgroup_load", site);
  const ulong row = (ulong)::msl::matrix_row(::msl::lane_index());
  const ulong column = (ulong)::msl::matrix_column(::msl::lane_index());
  for (ulong k = 0; k < 2; ++k) {
    d.elements[k] = transpose ? source[(column + k + origin.y) * elements_per_row + row + origin.x]
                              : source[(row + origin.y) * elements_per_row + column + k + origin.x];
  }
}
template <class T, class Pointer>
MSL_INLINE void simdgroup_store(const simdgroup_matrix<T>& s, Pointer destination, ulong elements_per_row = 8,
                                ulong2 origin = ulong2{0, 0}, bool transpose = false, ::msl::Site site = MSL_SITE) {
  ::msl::require_whole_simdgroup("simdgroup_store", site);
  const ulong row = (ulong)::msl::matrix_row(::msl::lane_index());
  const ulong column = (ulong)::msl::matrix_column(::msl::lane_index());
  for (ulong k = 0; k < 2; ++k) {
    if (transpose) {
      destination[(column + k + origin.y) * elements_per_row + row + origin.x] = s.elements[k];
    } else {
      destination[(row + origin.y) * elements_per_row + column + k + origin.x] = s.elements[k];
    }
  }
}
template <class D, class A, class B, class C>
MSL_INLINE void simdgroup_multiply_accumulate(simdgroup_matrix<D>& d, const simdgroup_matrix<A>& a,
                                              const simdgroup_matrix<B>& b, const simdgroup_matrix<C>& c,
                                              ::msl::Site site = MSL_SITE) {
  const auto sum = ::msl::multiply_accumulate(a.elements, b.elements, (float)c.elements[0], (float)c.elements[1], site);
  d.elements[0] = (D)sum.first;
  d.elements[1] = (D)sum.second;
}
template <class D, class A, class B>
MSL_INLINE void simdgroup_multiply(simdgroup_matrix<D>& d, const simdgroup_matrix<A>& a, const simdgroup_matrix<B>& b,
                                   ::msl::Site site = MSL_SITE) {
  const auto sum = ::msl::multiply_accumulate(a.elements, b.elements, 0.0F, 0.0F, site);
  d.elements[0] = (D)sum.first;
  d.elements[1] = (D)sum.second;
}
template <class T, int Columns = 8, int Rows = 8, class U>
MSL_INLINE simdgroup_matrix<T, Columns, Rows> make_filled_simdgroup_matrix(U value) {
  return simdgroup_matrix<T, Columns, Rows>((T)value);
}

}  // namespace metal
