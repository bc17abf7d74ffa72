// SPDX-License-Identifier: Apache-2.0
// Which kernels a batch gets, how that is told, and when it is logged.
#include "runtime/kernel_selection.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/runtime/captured_log.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

using abi::KernelVariant;
using test::CapturedLog;

const SelectionSubject kExperts{.top_k = 4, .bits = "3"};
const SelectionSubject kDense{.top_k = 0, .bits = "2-4"};

KernelVariant expected_variant(std::int64_t batch) {
  if (batch == 1) return KernelVariant::kDecode;
  if (batch <= 16) return KernelVariant::kPrefill4;
  if (batch <= 32) return KernelVariant::kBase;
  return KernelVariant::kLargeBatch;
}

TEST(KernelSelectionTest, EveryBatchHasItsVariant) {
  for (std::int64_t batch = 1; batch <= 4096; ++batch) {
    const KernelSelection selection = select_kernels(kExperts, batch);
    const std::string variant(abi::variant_name(expected_variant(batch)));
    ASSERT_EQ(selection.kernel, "moe_trellis_swiglu_" + variant) << batch;
    ASSERT_EQ(select_kernels(kDense, batch).kernel, "matmul_" + variant) << batch;
    EXPECT_EQ(selection.batch, batch);
    EXPECT_EQ(selection.top_k, 4);
    EXPECT_EQ(selection.bits, "3");
    EXPECT_FALSE(selection.reason.empty());
    KernelSelector selector(kExperts, std::nullopt);
    ASSERT_EQ(selector.choose(batch), expected_variant(batch));
  }
  EXPECT_EQ(select_kernels(kExperts, std::numeric_limits<std::int64_t>::max()).kernel,
            "moe_trellis_swiglu_large_batch");
}

TEST(KernelSelectionTest, AForcedVariantIsToldAsSuch) {
  for (const KernelVariant forced : abi::kAllVariants) {
    for (const std::int64_t batch : {1, 2, 20, 500}) {
      const KernelSelection selection = select_kernels(kExperts, batch, forced);
      EXPECT_EQ(selection.kernel, "moe_trellis_swiglu_" + std::string(abi::variant_name(forced)));
      EXPECT_EQ(selection.reason == "asked for", forced != expected_variant(batch)) << selection.reason;
    }
  }
}

TEST(KernelSelectionTest, RefusesBatchesWithoutRows) {
  for (const std::int64_t batch : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    for (const std::optional<KernelVariant> forced : {std::optional<KernelVariant>(), {KernelVariant::kBase}}) {
      const Error error = test::error_of([&] { static_cast<void>(select_kernels(kExperts, batch, forced)); });
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(std::to_string(batch)), std::string::npos) << error.what();
      KernelSelector selector(kExperts, forced);
      EXPECT_EQ(test::error_of([&] { selector.choose(batch); }).code(), ErrorCode::kInvalidArgument);
    }
  }
}

TEST(KernelSelectionTest, DescribesTheChoice) {
  const auto text = [](const SelectionSubject& subject, std::int64_t batch) {
    return describe(select_kernels(subject, batch));
  };
  EXPECT_EQ(text(kExperts, 1),
            "batch=1 top_k=4 bits=3 kernel=moe_trellis_swiglu_decode tile=1x128 "
            "reason=one row: multiply while decoding");
  EXPECT_EQ(text(kExperts, 16),
            "batch=16 top_k=4 bits=3 kernel=moe_trellis_swiglu_prefill4 tile=16x128 "
            "reason=2 to 16 rows: decode once, four rows at a time");
  EXPECT_EQ(text(kExperts, 17),
            "batch=17 top_k=4 bits=3 kernel=moe_trellis_swiglu_base tile=32x128 "
            "reason=17 to 32 rows: decode once for all");
  EXPECT_EQ(text(kDense, 33),
            "batch=33 top_k=0 bits=2-4 kernel=matmul_large_batch tile=128x128 "
            "reason=more than 32 rows: tiles of 128 rows x 128 outputs of one expert");
  EXPECT_EQ(describe(select_kernels(kExperts, 1, KernelVariant::kBase)),
            "batch=1 top_k=4 bits=3 kernel=moe_trellis_swiglu_base tile=32x128 reason=asked for");
}

TEST(KernelSelectorTest, LogsEachChangeOnce) {
  CapturedLog log;
  KernelSelector selector(kExperts, std::nullopt);
  EXPECT_EQ(selector.choose(1), KernelVariant::kDecode);
  EXPECT_EQ(log.take(), std::vector<std::string>{"Kernel selection: " + describe(select_kernels(kExperts, 1))});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(selector.choose(1), KernelVariant::kDecode);
  EXPECT_TRUE(log.take().empty()) << "nothing has changed";

  EXPECT_EQ(selector.choose(512), KernelVariant::kLargeBatch);
  ASSERT_EQ(log.take().size(), 1U);
  EXPECT_EQ(selector.choose(33), KernelVariant::kLargeBatch);
  EXPECT_TRUE(log.take().empty()) << "another batch, the same kernels";

  EXPECT_EQ(selector.choose(1), KernelVariant::kDecode);
  const std::vector<std::string> back = log.take();
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].rfind("Kernel selection", 0), 0U) << back[0];
}

TEST(KernelSelectorTest, AForcedVariantIsLoggedOnce) {
  CapturedLog log;
  KernelSelector selector(kExperts, KernelVariant::kBase);
  for (const std::int64_t batch : {100, 1, 20, 1}) EXPECT_EQ(selector.choose(batch), KernelVariant::kBase);
  const std::vector<std::string> lines = log.take();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("reason=asked for"), std::string::npos) << lines[0];
}

TEST(KernelSelectorTest, EverySelectorHasItsOwnMemory) {
  CapturedLog log;
  KernelSelector first(kExperts, std::nullopt);
  KernelSelector second(kDense, std::nullopt);
  first.choose(1);
  second.choose(1);
  EXPECT_EQ(log.take().size(), 2U);
}

}  // namespace
}  // namespace marlin
