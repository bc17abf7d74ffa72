// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace marlin {

void init_logging(bool verbose) {
  auto logger = spdlog::stderr_color_mt("metal-marlin");
  logger->set_pattern("%^%l%$: %v");
  logger->set_level(verbose ? spdlog::level::info : spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace marlin
