// SPDX-License-Identifier: Apache-2.0
#include "backends/metal/metal_error.h"

#include <fmt/format.h>

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

}  // namespace marlin::metal
