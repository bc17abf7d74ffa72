// SPDX-License-Identifier: Apache-2.0
#include "device/kernel_error.h"

#include <fmt/format.h>

#include <bit>
#include <string>

#include "abi/finite_guard.h"

namespace marlin {

std::optional<Error> kernel_error(const abi::KernelFailure& failure, std::string_view label) {
  const auto error = [&](std::string_view kernel, const std::string& message) {
    return Error(ErrorCode::kDevice, fmt::format("{} in {}: {}", kernel, label, message));
  };
  const auto& details = failure.details;
  switch (static_cast<abi::KernelFailureCode>(failure.code)) {
    case abi::KernelFailureCode::kNone:
      return std::nullopt;
    case abi::KernelFailureCode::kTokenId:
      return error("embed_f32", fmt::format("token id {} of row {} is outside the vocabulary",
                                            static_cast<std::int32_t>(details[1]), details[0]));
    case abi::KernelFailureCode::kNotFinite: {
      const auto stage = static_cast<abi::GuardedStage>(details[0]);
      const bool in_layer = stage == abi::GuardedStage::kAttention || stage == abi::GuardedStage::kMlp;
      return error("finite_guard_f32",
                   fmt::format("{}{}: row {} holds {} at column {}; the weights or a kernel are broken",
                               in_layer ? fmt::format("layer {}, ", details[1]) : "", abi::guarded_stage_name(stage),
                               details[2], std::bit_cast<float>(details[4]), details[3]));
    }
    case abi::KernelFailureCode::kNanLogit:
      return error(
          "sample_f32",
          fmt::format("logits are not finite: the logit of token {} is NaN; the weights or a kernel are broken",
                      details[0]));
    case abi::KernelFailureCode::kNoLogit:
      return error(
          "sample_f32",
          "logits are not finite: all are -infinity, no token is left to choose; check the logit bias and the weights");
    case abi::KernelFailureCode::kNotFiniteScores:
      return error("router_f32", fmt::format("router scores of row {} are not finite", details[0]));
  }
  return error("a kernel", fmt::format("unknown failure {}", failure.code));
}

}  // namespace marlin
