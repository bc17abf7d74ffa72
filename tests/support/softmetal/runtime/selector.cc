// SPDX-License-Identifier: Apache-2.0
#include "runtime/selector.h"

#include <mutex>
#include <string>
#include <unordered_set>

namespace softmetal {

Selector intern(const char* name) {
  static auto* mutex = new std::mutex;
  static auto* names = new std::unordered_set<std::string>;  // nodes stay where they are
  const std::lock_guard lock(*mutex);
  return names->insert(name).first->c_str();
}

}  // namespace softmetal
