// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace marlin {

void init_logging(bool verbose) {
  constexpr const char* kName = "metal-marlin";
  if (spdlog::get(kName) == nullptr) {
    spdlog::set_default_logger(spdlog::stderr_color_mt(kName));
    spdlog::set_pattern("%^%l%$: %v");
  }
  spdlog::set_level(verbose ? spdlog::level::info : spdlog::level::warn);
}

}  // namespace marlin
