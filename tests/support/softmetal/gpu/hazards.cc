// SPDX-License-Identifier: Apache-2.0
#include "gpu/hazards.h"

#include <algorithm>
#include <set>

#include "control/control.h"

namespace softmetal {

void Hazards::begin_encoder(bool concurrent) {
  concurrent_ = concurrent;
  kernels_.clear();
  past_.clear();
}

void Hazards::barrier(const Buffer& buffer) {
  const auto begin = reinterpret_cast<std::uintptr_t>(buffer.data());
  const std::uintptr_t end = begin + buffer.size();
  const auto inside = [&](const Past& past) { return begin <= past.bytes.begin && past.bytes.end <= end; };
  past_.erase(std::remove_if(past_.begin(), past_.end(), inside), past_.end());
}

void Hazards::dispatch(const std::string& kernel, const std::vector<TouchedBytes>& touched) {
  if (!concurrent_) return;
  std::set<std::size_t> reported;
  for (const TouchedBytes& now : touched) {
    for (const Past& past : past_) {
      if (!now.writes && !past.bytes.writes) continue;
      if (std::max(now.begin, past.bytes.begin) >= std::min(now.end, past.bytes.end)) continue;
      if (!reported.insert(past.dispatch).second) continue;
      fault(
          "-[MTLComputeCommandEncoder memoryBarrierWithScope:]: missing in a concurrent encoder: kernel '%s' %s what "
          "kernel '%s' %s",
          kernel.c_str(), now.writes ? "writes" : "reads", kernels_[past.dispatch].c_str(),
          past.bytes.writes ? "writes" : "reads");
    }
  }
  kernels_.push_back(kernel);
  for (const TouchedBytes& now : touched) past_.push_back({now, kernels_.size() - 1});
}

}  // namespace softmetal
