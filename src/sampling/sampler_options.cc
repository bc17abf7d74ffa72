// SPDX-License-Identifier: Apache-2.0
// See sampler_options.h. Surprise: every check is written so that NaN fails it.
#include "sampling/sampler_options.h"

#include <limits>

#include "base/error.h"

namespace marlin {
namespace {

template <typename T>
void require(bool in_range, std::string_view option, std::string_view range, T got) {
  if (!in_range) {
    fail(ErrorCode::kInvalidArgument, "{} must be {}, got {}", option, range, got);
  }
}

}  // namespace

void validate(const SamplingOptions& options) {
  constexpr double kMax = std::numeric_limits<double>::max();
  require(options.temperature >= 0.0 && options.temperature <= kMax, "--temperature", "at least 0 (0 = greedy)",
          options.temperature);
  require(options.top_k >= 0, "--top-k", "at least 0 (0 = off)", options.top_k);
  require(options.top_p > 0.0 && options.top_p <= 1.0, "--top-p", "in (0, 1]", options.top_p);
  require(options.min_p >= 0.0 && options.min_p <= 1.0, "--min-p", "in [0, 1]", options.min_p);
  require(options.repetition_penalty > 0.0 && options.repetition_penalty <= kMax, "--repetition-penalty",
          "above 0 (1 = off)", options.repetition_penalty);
  require(options.presence_penalty >= -2.0 && options.presence_penalty <= 2.0, "--presence-penalty", "in [-2, 2]",
          options.presence_penalty);
  require(options.frequency_penalty >= -2.0 && options.frequency_penalty <= 2.0, "--frequency-penalty", "in [-2, 2]",
          options.frequency_penalty);
  for (const LogitBias& bias : options.logit_bias) {
    require(bias.bias <= std::numeric_limits<float>::max(), "--logit-bias", "a number, or -inf to forbid the token",
            bias.bias);
  }
}

void validate(const GenerationOptions& options) {
  validate(options.sampling);
  require(options.max_tokens == -1 || options.max_tokens >= 1, "--max-tokens",
          "at least 1, or -1 (until the context is full)", options.max_tokens);
  for (const std::string& stop : options.stop) {
    require(!stop.empty(), "--stop", "text that is not empty", "''");
  }
}

}  // namespace marlin
