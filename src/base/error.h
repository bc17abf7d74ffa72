// SPDX-License-Identifier: Apache-2.0
// How the library raises marlin::Error: fail() for what a user or a file did, MARLIN_CHECK of base/check.h for our own
// bugs.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "metal_marlin/error.h"

namespace marlin {

/// Throws Error(code) with a message made as by fmt::format.
template <typename... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace marlin
