// SPDX-License-Identifier: Apache-2.0
// Memory that kernels reach through addresses must be resident while they run. All of a device's buffers are in two
// residency sets attached to its queue once: weights, which never change while serving, and everything else. A queue
// takes at most 32 sets, so there is not one for each buffer.
#pragma once

#include <mutex>
#include <vector>

#include "backends/metal/objc.h"

namespace marlin::metal {

enum class ResidentKind { kWeights = 0, kBuffers = 1 };

class Residency {
 public:
  /// Errors: kDevice.
  Residency(objc::Id device, objc::Id queue);
  ~Residency();
  Residency(const Residency&) = delete;
  Residency& operator=(const Residency&) = delete;

  void add(ResidentKind kind, objc::Id buffer);
  void remove(ResidentKind kind, objc::Id buffer);

  /// Makes what was added since resident; before a command buffer is committed. Costs nothing when nothing changed.
  void commit();

  /// Declares everything to an encoder, on systems without residency sets (before macOS 15).
  void declare(objc::Id encoder);

 private:
  struct Set {
    objc::Owned set;
    bool changed = false;
    bool requested = false;
  };

  std::mutex mutex_;
  Set sets_[2];
  bool has_sets_ = false;
  std::vector<objc::Id> buffers_;  // without residency sets
};

}  // namespace marlin::metal
