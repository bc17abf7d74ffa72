// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

namespace marlin::internal {

void check_failed(const char* condition, const char* file, int line) {
  fail(ErrorCode::kInternal, "internal check failed: {} ({}:{}); please report this", condition, file, line);
}

}  // namespace marlin::internal
