// SPDX-License-Identifier: Apache-2.0
#include "backends/metal/metal_error.h"

#include <fmt/format.h>

#include <bit>

#include "abi/finite_guard.h"
#include "backends/metal/api.h"

namespace marlin::metal {

std::optional<Error> command_buffer_error(objc::Id commands, std::string_view label) {
  if (api::command_buffer::status(commands) == api::kStatusCompleted) return std::nullopt;
  const objc::Id error = api::command_buffer::error(commands);
  const long code = error == nullptr ? 0 : objc::send<"code", long>(error);
  const std::string said = error == nullptr ? "no reason given" : objc::description_of(error);
  switch (code) {
    case api::kErrorOutOfMemory:
      return Error(ErrorCode::kOutOfMemory,
                   fmt::format("the GPU ran out of memory in {} ({}): use a shorter --ctx-size, a smaller model, or "
                               "close programs that use the GPU",
                               label, said));
    case api::kErrorTimeout:
      return Error(ErrorCode::kDevice, fmt::format("the GPU took too long over {} and was stopped ({}): use a smaller "
                                                   "--layers-per-commit",
                                                   label, said));
    case api::kErrorPageFault:
      return Error(
          ErrorCode::kDevice,
          fmt::format("a kernel in {} reached memory that is not the device's ({}): a bug of ours", label, said));
    default:
      return Error(ErrorCode::kDevice, fmt::format("Metal error {} in {}: {}", code, label, said));
  }
}

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

}  // namespace marlin::metal
