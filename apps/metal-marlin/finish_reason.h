// SPDX-License-Identifier: Apache-2.0
// Spelling of FinishReason in JSON, as in the OpenAI API.
#pragma once

#include "metal_marlin/generation_options.h"

namespace marlin::app {

inline const char* finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "stop";
}

}  // namespace marlin::app
