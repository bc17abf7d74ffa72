// SPDX-License-Identifier: Apache-2.0
#include "base/environment.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace marlin {
namespace {

/// Null if it is not set.
const char* variable(const char* name) { return std::getenv(name); }  // NOLINT(concurrency-mt-unsafe): nobody sets any

}  // namespace

bool trace_batches_requested() {
  const char* const value = variable("METAL_MARLIN_TRACE_BATCH");
  return value != nullptr && !std::string_view(value).empty() && std::string_view(value) != "0";
}

std::string pipeline_cache_folder() {
  if (const char* const folder = variable("METAL_MARLIN_CACHE"); folder != nullptr) return folder;
  const char* const home = variable("HOME");
#if defined(__APPLE__)
  return home == nullptr ? std::string() : std::string(home) + "/Library/Caches/metal-marlin";
#else
  if (const char* const cache = variable("XDG_CACHE_HOME"); cache != nullptr && *cache != 0) {
    return std::string(cache) + "/metal-marlin";
  }
  return home == nullptr ? std::string() : std::string(home) + "/.cache/metal-marlin";
#endif
}

std::string simd_limit() {
  const char* const name = variable("METAL_MARLIN_SIMD");
  return name == nullptr ? std::string() : std::string(name);
}

int threadgroup_thread_limit() {
  const char* const limit = variable("METAL_MARLIN_THREADGROUP_THREADS");
  return limit == nullptr ? 0 : std::max(0, std::atoi(limit));  // NOLINT(cert-err34-c): nonsense is no limit
}

std::string capture_path() {
  const char* const path = variable("METAL_MARLIN_CAPTURE");
  return path == nullptr ? std::string() : std::string(path);
}

}  // namespace marlin
