// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry.h"

#include "runtime/msl.h"

namespace msl {
namespace {

// Filled by static initialisers only, read afterwards.
KernelTable& linked_kernels() {
  static KernelTable instance;
  return instance;
}

}  // namespace

void KernelTable::add(const KernelEntry& entry) {
  entries_.push_back(entry);
  const KernelEntry* stored = &entries_.back();
  Kernel& kernel = kernels_[entry.name];
  kernel.name = entry.name;
  const KernelEntry*& slot = entry.module->checked ? kernel.checked : kernel.fast;
  if (slot != nullptr) {
    kernel.duplicate = std::string(slot->module->file) + " and " + entry.module->file;
  } else {
    slot = stored;
  }
}

const Kernel* KernelTable::find(std::string_view name) const {
  const auto found = kernels_.find(name);
  return found == kernels_.end() ? nullptr : &found->second;
}

std::vector<std::string> KernelTable::names() const {
  std::vector<std::string> all;
  for (const auto& [name, kernel] : kernels_) all.push_back(name);
  return all;
}

void register_kernel(const KernelEntry& entry) { linked_kernels().add(entry); }

const Kernel* find_kernel(std::string_view name) { return linked_kernels().find(name); }

std::vector<std::string> kernel_names() { return linked_kernels().names(); }

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
