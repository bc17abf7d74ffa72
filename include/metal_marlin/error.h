// SPDX-License-Identifier: Apache-2.0
// The one exception type of the engine. Thrown at the API, while loading, and at device creation; its message names the
// file, tensor or flag at fault and says what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace marlin {

enum class ErrorCode {
  kInvalidArgument,  ///< a flag, option or API argument is wrong
  kNotFound,         ///< a file, tensor or name does not exist
  kBadFile,          ///< a file is truncated, malformed or lies about its contents
  kUnsupported,      ///< well-formed, but not something this engine runs
  kTemplate,         ///< a chat template failed to parse or render
  kContextOverflow,  ///< the prompt does not fit the context
  kOutOfMemory,      ///< the memory plan does not fit, or the system refused
  kBusy,             ///< too much is queued already; try again later
  kDevice,           ///< a backend reported a failure
  kInternal,         ///< a bug of ours
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace marlin
