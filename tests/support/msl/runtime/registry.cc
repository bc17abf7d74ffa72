// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry.h"

#include <deque>
#include <map>
#include <vector>

#include "runtime/msl.h"

namespace msl {
namespace {

struct Registry {
  std::map<std::string, Kernel, std::less<>> kernels;
  std::deque<KernelEntry> entries;  // addresses stay
};

// Filled by static initialisers only, read afterwards.
Registry& registry() {
  static Registry instance;
  return instance;
}

}  // namespace

void register_kernel(const KernelEntry& entry) {
  registry().entries.push_back(entry);
  const KernelEntry* stored = &registry().entries.back();
  Kernel& kernel = registry().kernels[entry.name];
  kernel.name = entry.name;
  const KernelEntry*& slot = entry.module->checked ? kernel.checked : kernel.fast;
  if (slot != nullptr) {
    kernel.duplicate = std::string(slot->module->file) + " and " + entry.module->file;
  } else {
    slot = stored;
  }
}

const Kernel* find_kernel(std::string_view name) {
  const auto found = registry().kernels.find(name);
  return found == registry().kernels.end() ? nullptr : &found->second;
}

std::vector<std::string> kernel_names() {
  std::vector<std::string> names;
  for (const auto& [name, kernel] : registry().kernels) names.push_back(name);
  return names;
}

std::vector<KernelParameter> parameters_of(const Kernel& kernel) {
  std::vector<KernelParameter> parameters;
  const KernelEntry& entry = kernel.entry();
  for (int i = 0; i < entry.n_parameters; ++i) {
    const Parameter& parameter = entry.parameters[i];
    const auto kind = parameter.kind == ParameterKind::kBuffer        ? KernelParameter::Kind::kBuffer
                      : parameter.kind == ParameterKind::kThreadgroup ? KernelParameter::Kind::kThreadgroup
                                                                      : KernelParameter::Kind::kBuiltin;
    parameters.push_back({parameter.name, kind, parameter.index, parameter.optional});
  }
  return parameters;
}

std::optional<std::uint32_t> thread_limit_of(const Kernel& kernel) {
  const int limit = kernel.entry().max_threads;
  return limit > 0 ? std::optional<std::uint32_t>(limit) : std::nullopt;
}

}  // namespace msl
