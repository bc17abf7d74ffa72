// SPDX-License-Identifier: Apache-2.0
// Missing barriers between the dispatches of a concurrent encoder, from the bytes that they were seen to touch: the GPU
// may run them in any order, or at once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "classes/buffer.h"

namespace softmetal {

struct TouchedBytes {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool writes = false;
  bool tracked = false;            // Metal orders encoders for it
  const Buffer* buffer = nullptr;  // never followed: it may be gone
  std::string name = {};           // of the buffer
};

class Hazards {
 public:
  void begin_encoder(bool concurrent);
  void barrier() { past_.clear(); }
  /// Orders accesses to this buffer only.
  void barrier(const Buffer& buffer);
  /// Takes note of a dispatch; each missing barrier is a fault.
  void dispatch(const std::string& kernel, const std::vector<TouchedBytes>& touched);

 private:
  struct Past {
    TouchedBytes bytes;
    std::size_t dispatch;  // index into kernels_
  };
  bool concurrent_ = false;
  std::vector<std::string> kernels_;
  std::vector<Past> past_;  // since the last barrier
};

}  // namespace softmetal
