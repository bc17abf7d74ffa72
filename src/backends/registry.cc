// SPDX-License-Identifier: Apache-2.0
#include "backends/registry.h"

#include <fmt/ranges.h>

#include <array>
#include <utility>

#include "backends/cpu/cpu_device.h"
#include "base/error.h"
#if defined(MARLIN_CUDA)
#include "backends/cuda/cuda_device.h"
#endif
#if defined(MARLIN_METAL)
#include "backends/metal/metal_device.h"
#endif

namespace marlin {
namespace {

struct Backend {
  std::string_view name;
  bool (*is_usable)();
  std::unique_ptr<Device> (*create)(const DeviceOptions& options);
};

// Best first. Metal and CUDA that are software (tests) are not the best.
constexpr std::array kBackends = {
#if defined(MARLIN_METAL) && defined(__APPLE__)
    Backend{"metal", metal_is_usable, create_metal_device},
#endif
#if defined(MARLIN_CUDA) && !defined(MARLIN_SOFTCUDA)
    Backend{"cuda", cuda_is_usable, create_cuda_device},
#endif
    Backend{"cpu", [] { return true; }, create_cpu_device},
#if defined(MARLIN_CUDA) && defined(MARLIN_SOFTCUDA)
    Backend{"cuda", cuda_is_usable, create_cuda_device},
#endif
#if defined(MARLIN_METAL) && !defined(__APPLE__)
    Backend{"metal", metal_is_usable, create_metal_device},
#endif
};

/// What a backend that is not in a build needs to be in one.
constexpr std::array kNeeds = {
    std::pair<std::string_view, std::string_view>{"metal", "; metal is in builds for macOS"},
    std::pair<std::string_view, std::string_view>{"cuda",
                                                  "; cuda is in builds made where nvcc, of the CUDA toolkit, is"},
};

std::string_view need_of(std::string_view backend) {
  for (const auto& [name, need] : kNeeds) {
    if (name == backend) return need;
  }
  return "";
}

}  // namespace

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  names.reserve(kBackends.size());
  for (const Backend& backend : kBackends) names.emplace_back(backend.name);
  return names;
}

std::vector<std::string> usable_backends() {
  std::vector<std::string> names;
  for (const Backend& backend : kBackends) {
    if (backend.is_usable()) names.emplace_back(backend.name);
  }
  return names;
}

std::unique_ptr<Device> create_device(std::string_view backend, const DeviceOptions& options) {
  for (const Backend& known : kBackends) {
    if (backend == known.name || (backend == "auto" && known.is_usable())) return known.create(options);
  }
  fail(ErrorCode::kInvalidArgument, "unknown --backend '{}'; this build has: auto, {}{}", backend,
       fmt::join(backend_names(), ", "), need_of(backend));
}

}  // namespace marlin
