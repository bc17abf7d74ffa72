// SPDX-License-Identifier: Apache-2.0
// Ctrl-C as a question instead of an end: while an InterruptGuard lives, it only raises a flag.
#pragma once

namespace marlin::app {

class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// Whether Ctrl-C was pressed since the last take(); lowers the flag.
  bool take();

  [[nodiscard]] bool raised() const;
};

}  // namespace marlin::app
