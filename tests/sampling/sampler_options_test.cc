// SPDX-License-Identifier: Apache-2.0
// The ranges of the options and the wording of their errors.
#include "sampling/sampler_options.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "metal_marlin/error.h"
#include "sampling/sampler.h"

namespace marlin {
namespace {

template <typename Options>
std::string error_of(const Options& options) {
  try {
    validate(options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return {};
}

SamplingOptions with(double SamplingOptions::*member, double value) {
  SamplingOptions options;
  options.*member = value;
  return options;
}

GenerationOptions request(std::int64_t max_tokens, const std::vector<std::string>& stop) {
  GenerationOptions options;
  options.max_tokens = max_tokens;
  options.stop = stop;
  return options;
}

TEST(ValidateOptions, DefaultsAndBoundsAreValid) {
  EXPECT_EQ(error_of(SamplingOptions{}), "");
  EXPECT_EQ(error_of(GenerationOptions{}), "");
  EXPECT_EQ(error_of(SamplingOptions{.temperature = 0.0,
                                     .top_k = std::numeric_limits<std::int64_t>::max(),
                                     .top_p = 1e-9,
                                     .min_p = 1.0,
                                     .repetition_penalty = 1e-3,
                                     .presence_penalty = -2.0,
                                     .frequency_penalty = 2.0,
                                     .logit_bias = {{0, -std::numeric_limits<float>::infinity()}}}),
            "");
  EXPECT_EQ(error_of(request(1, {"x"})), "");
}

TEST(ValidateOptions, ErrorsNameOptionRangeAndValue) {
  EXPECT_EQ(error_of(with(&SamplingOptions::top_p, 1.5)), "--top-p must be in (0, 1], got 1.5");
  EXPECT_EQ(error_of(with(&SamplingOptions::top_p, 0.0)), "--top-p must be in (0, 1], got 0");
  EXPECT_EQ(error_of(with(&SamplingOptions::temperature, -1.0)),
            "--temperature must be at least 0 (0 = greedy), got -1");
  EXPECT_EQ(error_of(with(&SamplingOptions::min_p, -0.1)), "--min-p must be in [0, 1], got -0.1");
  EXPECT_EQ(error_of(with(&SamplingOptions::min_p, 1.1)), "--min-p must be in [0, 1], got 1.1");
  EXPECT_EQ(error_of(with(&SamplingOptions::repetition_penalty, 0.0)),
            "--repetition-penalty must be above 0 (1 = off), got 0");
  EXPECT_EQ(error_of(with(&SamplingOptions::presence_penalty, 2.5)), "--presence-penalty must be in [-2, 2], got 2.5");
  EXPECT_EQ(error_of(with(&SamplingOptions::frequency_penalty, -3.0)),
            "--frequency-penalty must be in [-2, 2], got -3");
  EXPECT_EQ(error_of(SamplingOptions{.top_k = -2}), "--top-k must be at least 0 (0 = off), got -2");
  EXPECT_EQ(error_of(request(0, {})), "--max-tokens must be at least 1, or -1 (until the context is full), got 0");
  EXPECT_EQ(error_of(request(5, {"a", ""})), "--stop must be text that is not empty, got ''");
  GenerationOptions options;
  options.sampling.top_p = 2.0;
  EXPECT_EQ(error_of(options), "--top-p must be in (0, 1], got 2");
}

TEST(ValidateOptions, NotANumberIsNeverInRange) {
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto member : {&SamplingOptions::temperature, &SamplingOptions::top_p, &SamplingOptions::min_p,
                            &SamplingOptions::repetition_penalty, &SamplingOptions::presence_penalty,
                            &SamplingOptions::frequency_penalty}) {
    EXPECT_NE(error_of(with(member, nan)), "");
    EXPECT_NE(error_of(with(member, infinity)), "");
    EXPECT_THROW(Sampler(with(member, nan), 10), Error);
  }
  EXPECT_NE(error_of(SamplingOptions{.logit_bias = {{0, std::nanf("")}}}), "");
  EXPECT_NE(error_of(SamplingOptions{.logit_bias = {{0, std::numeric_limits<float>::infinity()}}}), "");
}

}  // namespace
}  // namespace marlin
