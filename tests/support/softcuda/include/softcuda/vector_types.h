// SPDX-License-Identifier: Apache-2.0
// float4 and its like: aligned to their size, those of three elements to one element, as CUDA lays them out.
#pragma once

#include <cstdint>

#define SOFTCUDA_VECTORS(name, type)                                             \
  struct name##1 {                                                               \
    type x;                                                                      \
  };                                                                             \
  struct alignas(2 * sizeof(type)) name##2 {                                     \
    type x, y;                                                                   \
  };                                                                             \
  struct name##3 {                                                               \
    type x, y, z;                                                                \
  };                                                                             \
  struct alignas(4 * sizeof(type) < 16 ? 4 * sizeof(type) : 16) name##4 {        \
    type x, y, z, w;                                                             \
  };                                                                             \
  constexpr name##1 make_##name##1(type x) { return {x}; }                       \
  constexpr name##2 make_##name##2(type x, type y) { return {x, y}; }            \
  constexpr name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; } \
  constexpr name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }

SOFTCUDA_VECTORS(char, signed char)
SOFTCUDA_VECTORS(uchar, unsigned char)
SOFTCUDA_VECTORS(short, short)
SOFTCUDA_VECTORS(ushort, unsigned short)
SOFTCUDA_VECTORS(int, int)
SOFTCUDA_VECTORS(uint, unsigned int)
SOFTCUDA_VECTORS(longlong, long long)
SOFTCUDA_VECTORS(ulonglong, unsigned long long)
SOFTCUDA_VECTORS(float, float)
SOFTCUDA_VECTORS(double, double)

#undef SOFTCUDA_VECTORS

struct dim3 {
  unsigned int x, y, z;

  constexpr dim3(unsigned int x_ = 1, unsigned int y_ = 1, unsigned int z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};
