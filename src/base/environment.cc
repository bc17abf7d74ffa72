// SPDX-License-Identifier: Apache-2.0
#include "base/environment.h"

#include <cstdlib>
#include <string_view>

namespace marlin {

bool trace_batches_requested() {
  const char* const value = std::getenv("METAL_MARLIN_TRACE_BATCH");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value != nullptr && !std::string_view(value).empty() && std::string_view(value) != "0";
}

}  // namespace marlin
