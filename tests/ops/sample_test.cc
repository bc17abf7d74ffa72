// SPDX-License-Identifier: Apache-2.0
// The sample operation on every backend; the cases are in sample_cases.cc.
#include "ops/sample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/ops/device_tensor.h"
#include "tests/ops/op_test.h"
#include "tests/ops/sample_cases.h"
#include "tests/ops/sample_state.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class SampleOp : public test::OpTest {};
MARLIN_ON_EVERY_BACKEND(SampleOp);

TEST_P(SampleOp, TokensOfTheHost) {
  MARLIN_REQUIRE_KERNELS("sample_f32");
  for (const test::SampleCase& c : test::sample_cases()) test::check_sample(device(), c);
}

TEST_P(SampleOp, TokenForTheNextStep) {
  MARLIN_REQUIRE_KERNELS("sample_f32", "embed_f32");
  test::check_sample_then_embed(device());
}

TEST_P(SampleOp, FailsItsCommandBufferWithoutAChoice) {
  MARLIN_REQUIRE_KERNELS("sample_f32");
  struct Case {
    float logit;
    const char* message;
  };
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const double temperature : {0.0, 1.0}) {
    const SamplingOptions options{.temperature = temperature, .seed = 1};
    const abi::SampleArguments arguments = make_sample_arguments(options, 70, -1);
    const test::SampleState state(device(), arguments, options, {});
    test::DeviceTensor<float> logits(device(), 70);
    const test::DeviceTensor<std::int32_t> token(device(), 1);
    const auto run = [&] {
      test::run_on(device(), [&](CommandBuffer& commands) {
        ops::sample(commands, arguments, logits.view(), state.view(), token.view());
      });
    };
    for (const Case& c : {Case{std::nanf(""), "NaN"}, Case{-kInfinity, "all are -infinity"}}) {
      logits.set(std::vector<float>(70, c.logit));
      const Error error = test::error_of(run);
      EXPECT_EQ(error.code(), ErrorCode::kDevice);
      EXPECT_NE(std::string(error.what()).find("logits are not finite"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(c.message), std::string::npos) << error.what();
    }
    std::vector<float> good(70, -kInfinity);
    good[69] = 1.0F;
    logits.set(good);
    run();
    EXPECT_EQ(token.values(), std::vector<std::int32_t>{69});
  }
}

TEST_P(SampleOp, RefusesOperandsThatAreTooSmall) {
  const SamplingOptions options{.seed = 1};
  const abi::SampleArguments arguments = make_sample_arguments(options, 70, -1);
  const test::SampleState state(device(), arguments, options, {});
  const test::DeviceTensor<float> logits(device(), 70);
  const test::DeviceTensor<std::int32_t> token(device(), 1);
  const auto commands = device().create_command_buffer("refused");
  const auto refused = [&](const BufferView& l, const BufferView& s, const BufferView& t) {
    return test::error_of([&] { ops::sample(*commands, arguments, l, s, t); }).code();
  };
  const auto shortened = [](BufferView view, std::size_t bytes) {
    view.bytes -= bytes;
    return view;
  };
  EXPECT_EQ(refused(shortened(logits.view(), 1), state.view(), token.view()), ErrorCode::kInternal);
  EXPECT_EQ(refused(logits.view(), shortened(state.view(), 1), token.view()), ErrorCode::kInternal);
  EXPECT_EQ(refused(logits.view(), state.view(), shortened(token.view(), 1)), ErrorCode::kInternal);
  BufferView shifted = state.view();
  shifted.offset -= 4;
  EXPECT_EQ(refused(logits.view(), shifted, token.view()), ErrorCode::kInternal);
}

}  // namespace
}  // namespace marlin
