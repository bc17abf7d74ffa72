// SPDX-License-Identifier: Apache-2.0
// NSError.
#pragma once

#include <string>

#include "foundation/string.h"

namespace softmetal {

class Error final : public Object {
 public:
  Error(std::string domain, long code, std::string description);

  long code() { return code_; }
  String* domain() { return make_string(domain_); }
  String* description() { return make_string(description_); }

 private:
  std::string domain_;
  long code_;
  std::string description_;
};

/// Gives `error`, unless null, a new error of the caller's pool.
void set_error(Error** error, const char* domain, long code, std::string description);

inline constexpr const char* kLibraryErrors = "MTLLibraryErrorDomain";
inline constexpr const char* kPipelineErrors = "AGXMetal";
inline constexpr const char* kCommandBufferErrors = "MTLCommandBufferErrorDomain";
inline constexpr const char* kArchiveErrors = "MTLBinaryArchiveDomain";
inline constexpr const char* kCaptureErrors = "MTLCaptureError";

}  // namespace softmetal
