// SPDX-License-Identifier: Apache-2.0
#include "backends/metal/residency.h"

#include <algorithm>

#include "backends/metal/api.h"
#include "base/error.h"

namespace marlin::metal {

Residency::Residency(objc::Id device, objc::Id queue)
    : has_sets_(objc::class_of<"MTLResidencySetDescriptor">() != nullptr &&
                objc::responds_to<"newResidencySetWithDescriptor:error:">(device)) {
  if (!has_sets_) return;
  for (Set& set : sets_) {
    const objc::Owned descriptor = objc::make<"MTLResidencySetDescriptor">();
    objc::Id error = nullptr;
    set.set = api::device::new_residency_set(device, descriptor.get(), &error);
    if (!set.set) fail(ErrorCode::kDevice, "Metal refused a residency set: {}", objc::description_of(error));
    api::queue::add_residency_set(queue, set.set.get());
  }
}

Residency::~Residency() {
  for (const Set& set : sets_) {
    if (set.requested) api::residency_set::end(set.set.get());
  }
}

void Residency::add(ResidentKind kind, objc::Id buffer) {
  const std::lock_guard lock(mutex_);
  if (has_sets_) {
    Set& set = sets_[static_cast<int>(kind)];
    api::residency_set::add(set.set.get(), buffer);
    set.changed = true;
  } else {
    buffers_.push_back(buffer);
  }
}

void Residency::remove(ResidentKind kind, objc::Id buffer) {
  const std::lock_guard lock(mutex_);
  if (has_sets_) {
    Set& set = sets_[static_cast<int>(kind)];
    api::residency_set::remove(set.set.get(), buffer);
    set.changed = true;
  } else {
    buffers_.erase(std::find(buffers_.begin(), buffers_.end(), buffer));
  }
}

void Residency::commit() {
  const std::lock_guard lock(mutex_);
  for (Set& set : sets_) {
    if (!set.changed) continue;
    api::residency_set::commit(set.set.get());
    if (!set.requested) api::residency_set::request(set.set.get());
    set.requested = true;
    set.changed = false;
  }
}

void Residency::declare(objc::Id encoder) {
  const std::lock_guard lock(mutex_);
  for (const objc::Id buffer : buffers_) {
    api::encoder::use_resource(encoder, buffer, api::kUsageRead | api::kUsageWrite);
  }
}

}  // namespace marlin::metal
