// SPDX-License-Identifier: Apache-2.0
// Integer intrinsics against plain loops over bits and bytes, atomics, layouts of vectors.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <random>

namespace softcuda {
namespace {

TEST(Intrinsics, Bits) {
  EXPECT_EQ(__popc(0xF00F0001U), 9);
  EXPECT_EQ(__clz(1), 31);
  EXPECT_EQ(__clz(0), 32);
  EXPECT_EQ(__ffs(0), 0);
  EXPECT_EQ(__ffs(8), 4);
  EXPECT_EQ(__brev(0x00000001U), 0x80000000U);
  EXPECT_EQ(__umulhi(0xFFFFFFFFU, 0xFFFFFFFFU), 0xFFFFFFFEU);
  EXPECT_EQ(__mulhi(-1, 1), -1);
  EXPECT_EQ(__umul64hi(~0ULL, ~0ULL), ~0ULL - 1);
  EXPECT_EQ(__funnelshift_l(0x89ABCDEFU, 0x01234567U, 8), 0x23456789U);
  EXPECT_EQ(__funnelshift_r(0x89ABCDEFU, 0x01234567U, 8), 0x6789ABCDU);
  EXPECT_EQ(__funnelshift_l(0x89ABCDEFU, 0x01234567U, 32), 0x01234567U);
  EXPECT_EQ(__funnelshift_r(0x89ABCDEFU, 0x01234567U, 32), 0x89ABCDEFU);
  EXPECT_EQ(__byte_perm(0x33221100U, 0x77665544U, 0x7531U), 0x77553311U);
  EXPECT_EQ(__byte_perm(0x80FF7F00U, 0U, 0xBA98U), 0xFFFF0000U);
}

TEST(Intrinsics, DotProducts) {
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    const auto a = static_cast<std::uint32_t>(random());
    const auto b = static_cast<std::uint32_t>(random());
    const auto c = static_cast<std::uint32_t>(random());
    std::int64_t with_sign = static_cast<std::int32_t>(c);
    std::uint64_t without = c;
    for (unsigned byte = 0; byte < 4; ++byte) {
      const std::uint32_t x = a >> (8 * byte) & 255U;
      const std::uint32_t y = b >> (8 * byte) & 255U;
      with_sign += static_cast<std::int8_t>(x) * static_cast<std::int8_t>(y);
      without += x * y;
    }
    ASSERT_EQ(__dp4a(static_cast<int>(a), static_cast<int>(b), static_cast<int>(c)),
              static_cast<int>(static_cast<std::uint32_t>(with_sign)));
    ASSERT_EQ(__dp4a(a, b, c), static_cast<std::uint32_t>(without));
  }
}

TEST(Intrinsics, Atomics) {
  unsigned value = 5;
  EXPECT_EQ(atomicAdd(&value, 3U), 5U);
  EXPECT_EQ(atomicMax(&value, 20U), 8U);
  EXPECT_EQ(atomicMin(&value, 4U), 20U);
  EXPECT_EQ(atomicExch(&value, 6U), 4U);
  EXPECT_EQ(atomicCAS(&value, 5U, 9U), 6U);
  EXPECT_EQ(atomicCAS(&value, 6U, 9U), 6U);
  EXPECT_EQ(atomicOr(&value, 6U), 9U);
  EXPECT_EQ(atomicAnd(&value, 3U), 15U);
  EXPECT_EQ(value, 3U);
  int signed_value = -2;
  EXPECT_EQ(atomicMax(&signed_value, 1), -2);
  EXPECT_EQ(signed_value, 1);
  unsigned long long wide = 1;
  EXPECT_EQ(atomicAdd(&wide, 1ULL << 40U), 1U);
  EXPECT_EQ(wide, (1ULL << 40U) + 1);
  float sum = 1.5F;
  EXPECT_EQ(atomicAdd(&sum, 2.0F), 1.5F);
  EXPECT_EQ(sum, 3.5F);
}

TEST(Intrinsics, Arithmetic) {
  EXPECT_EQ(min(3, 5U), 3U);
  EXPECT_EQ(max(-1, 1), 1);
  EXPECT_EQ(max(1.0F, 2.0F), 2.0F);
  EXPECT_EQ(fmaxf(NAN, 2.0F), 2.0F);
  EXPECT_EQ(__float2int_rn(2.5F), 2);
  EXPECT_EQ(__float2int_rn(1e20F), 2147483647);
  EXPECT_EQ(rsqrtf(4.0F), 0.5F);
  EXPECT_EQ(__fmaf_rn(0x1.000002p0F, 0x1.000002p0F, -0x1.000004p0F), 0x1p-46F);
}

TEST(Intrinsics, Layouts) {
  EXPECT_EQ(alignof(float4), 16U);
  EXPECT_EQ(alignof(float2), 8U);
  EXPECT_EQ(alignof(uchar4), 4U);
  EXPECT_EQ(alignof(ulonglong2), 16U);
  EXPECT_EQ(sizeof(float3), 12U);
  EXPECT_EQ(sizeof(ushort4), 8U);
  EXPECT_EQ(make_uint4(1, 2, 3, 4).w, 4U);
}

}  // namespace
}  // namespace softcuda
