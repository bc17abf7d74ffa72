// SPDX-License-Identifier: Apache-2.0
// Keeps dead objects for a while, the oldest going first: a message to one of them, or a kernel that reaches one of
// them, finds memory that says so.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>

#include "runtime/object.h"

namespace softmetal {

class Quarantine {
 public:
  static Quarantine& instance();

  void add(Object* object, std::size_t n_bytes);

 private:
  struct Entry {
    Object* object;
    std::size_t n_bytes;
  };
  static constexpr std::size_t kMaxObjects = 4096;
  static constexpr std::size_t kMaxBytes = std::size_t{256} << 20;

  std::mutex mutex_;
  std::deque<Entry> entries_;
  std::size_t n_bytes_ = 0;
};

}  // namespace softmetal
