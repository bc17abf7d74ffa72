// SPDX-License-Identifier: Apache-2.0
#include "runtime/quarantine.h"

#include <vector>

namespace softmetal {

Quarantine& Quarantine::instance() {
  static auto* quarantine = new Quarantine;  // for good: threads of the driver outlive main()
  return *quarantine;
}

void Quarantine::add(Object* object, std::size_t n_bytes) {
  std::vector<Object*> done;
  object->hold();
  {
    const std::lock_guard lock(mutex_);
    entries_.push_back({object, n_bytes});
    n_bytes_ += n_bytes;
    while (entries_.size() > kMaxObjects || (n_bytes_ > kMaxBytes && entries_.size() > 1)) {
      done.push_back(entries_.front().object);
      n_bytes_ -= entries_.front().n_bytes;
      entries_.pop_front();
    }
  }
  for (Object* old : done) old->unhold();
}

}  // namespace softmetal
