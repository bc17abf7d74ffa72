// SPDX-License-Identifier: Apache-2.0
// Logging: spdlog's default logger, sent to stderr so that stdout carries only answers. Libraries call spdlog::info and
// friends; the program calls init_logging once.
#pragma once

#include <spdlog/spdlog.h>

namespace marlin {

/// Sends the default logger to stderr. `verbose` lowers the level from warn to info. A second call only sets the level.
void init_logging(bool verbose);

}  // namespace marlin
