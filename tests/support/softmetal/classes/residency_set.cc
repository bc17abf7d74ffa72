// SPDX-License-Identifier: Apache-2.0
#include "classes/residency_set.h"

#include <algorithm>

#include "control/control.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

const Class& descriptor_class() {
  static const Class& instance =
      *new Class("MTLResidencySetDescriptor", &object_class(), make<ResidencySetDescriptor>,
                 {{"setInitialCapacity:", method<&ResidencySetDescriptor::set_initial_capacity>()},
                  {"setLabel:", method<&ResidencySetDescriptor::set_label_string>()}});
  return instance;
}

const Class& set_class() {
  static const Class& instance = *new Class("MTLResidencySet", &object_class(), nullptr,
                                            {{"addAllocation:", method<&ResidencySet::add>()},
                                             {"addAllocations:count:", method<&ResidencySet::add_many>()},
                                             {"removeAllocation:", method<&ResidencySet::remove>()},
                                             {"removeAllocations:count:", method<&ResidencySet::remove_many>()},
                                             {"removeAllAllocations", method<&ResidencySet::remove_all>()},
                                             {"commit", method<&ResidencySet::commit>()},
                                             {"requestResidency", method<&ResidencySet::request_residency>()},
                                             {"endResidency", method<&ResidencySet::end_residency>()},
                                             {"containsAllocation:", method<&ResidencySet::contains>()},
                                             {"allocationCount", method<&ResidencySet::count>()},
                                             {"allocatedSize", method<&ResidencySet::allocated_size>()},
                                             {"setLabel:", method<&ResidencySet::set_label_string>()},
                                             {"label", method<&ResidencySet::label_string>()}});
  return instance;
}

[[maybe_unused]] const Class& registered_descriptor = descriptor_class();
[[maybe_unused]] const Class& registered_set = set_class();

auto place_of(std::vector<Hold<Buffer>>& buffers, const Buffer* buffer) {
  return std::find_if(buffers.begin(), buffers.end(), [&](const Hold<Buffer>& held) { return held.get() == buffer; });
}

}  // namespace

ResidencySetDescriptor::ResidencySetDescriptor() : Object(descriptor_class()) {}

ResidencySet::ResidencySet(const std::string& label) : Object(set_class()) { set_label(label); }

std::vector<Hold<Buffer>> ResidencySet::committed() {
  const std::lock_guard lock(mutex_);
  return committed_;
}

void ResidencySet::add(Buffer* buffer) {
  if (buffer == nullptr) {
    fault("-[MTLResidencySet addAllocation:]: nil");
    return;
  }
  const std::lock_guard lock(mutex_);
  if (place_of(pending_, buffer) != pending_.end()) return;
  pending_.emplace_back(buffer);
  softmetal::count(counting().residency_changes);
}

void ResidencySet::add_many(Buffer* const* buffers, unsigned long n) {
  for (unsigned long i = 0; i < n; ++i) add(buffers[i]);
}

void ResidencySet::remove(Buffer* buffer) {
  const std::lock_guard lock(mutex_);
  const auto place = place_of(pending_, buffer);
  if (place == pending_.end()) {
    fault("-[MTLResidencySet removeAllocation:]: the buffer is not in %s", described().c_str());
    return;
  }
  pending_.erase(place);
  softmetal::count(counting().residency_changes);
}

void ResidencySet::remove_many(Buffer* const* buffers, unsigned long n) {
  for (unsigned long i = 0; i < n; ++i) remove(buffers[i]);
}

void ResidencySet::remove_all() {
  const std::lock_guard lock(mutex_);
  softmetal::count(counting().residency_changes, pending_.size());
  pending_.clear();
}

void ResidencySet::commit() {
  const std::lock_guard lock(mutex_);
  for (const Hold<Buffer>& buffer : pending_) {
    if (!buffer->alive() && buffer->first_report()) {
      fault("-[MTLResidencySet commit]: %s is in the set after its last release", buffer->described().c_str());
    }
  }
  committed_ = pending_;
}

bool ResidencySet::contains(Buffer* buffer) {
  const std::lock_guard lock(mutex_);
  return place_of(pending_, buffer) != pending_.end();
}

unsigned long ResidencySet::count() {
  const std::lock_guard lock(mutex_);
  return pending_.size();
}

unsigned long ResidencySet::allocated_size() {
  const std::lock_guard lock(mutex_);
  unsigned long total = 0;
  for (const Hold<Buffer>& buffer : committed_) total += buffer->size();
  return total;
}

void ResidencySet::dealloc() {
  const std::lock_guard lock(mutex_);
  pending_.clear();
  committed_.clear();
}

}  // namespace softmetal
