// SPDX-License-Identifier: Apache-2.0
// The mask operation on every backend; the cases are in mask_logits_cases.cc.
#include "ops/mask_logits.h"

#include "tests/ops/device_tensor.h"
#include "tests/ops/mask_logits_cases.h"
#include "tests/ops/op_test.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class MaskLogitsOp : public test::OpTest {};
MARLIN_ON_EVERY_BACKEND(MaskLogitsOp);

TEST_P(MaskLogitsOp, ForbidsWhatHasNoBitAndLeavesTheRest) {
  MARLIN_REQUIRE_KERNELS("mask_logits_f32");
  for (const std::size_t n : test::mask_sizes()) test::check_mask_logits(device(), n);
}

TEST_P(MaskLogitsOp, TheSamplerChoosesAmongWhatIsLeft) {
  MARLIN_REQUIRE_KERNELS("mask_logits_f32", "sample_f32");
  test::check_mask_then_sample(device());
}

TEST_P(MaskLogitsOp, RefusesAMaskThatIsTooShort) {
  const test::DeviceTensor<float> logits(device(), 65);
  const test::DeviceTensor<std::uint32_t> mask(device(), 2);
  const auto commands = device().create_command_buffer("refused");
  EXPECT_EQ(test::error_of([&] { ops::mask_logits(*commands, logits.view(), mask.view()); }).code(),
            ErrorCode::kInternal);
}

}  // namespace
}  // namespace marlin
