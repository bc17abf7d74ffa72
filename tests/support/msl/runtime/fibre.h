// SPDX-License-Identifier: Apache-2.0
// One stack per GPU thread, switched by hand: a kernel that reaches a barrier leaves its stack as it is and another
// thread goes on. x86-64 and arm64 in a few instructions; elsewhere ucontext.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace msl {

class Fibre {
 public:
  static constexpr std::size_t kStackBytes = 128 * 1024;

  Fibre();
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  /// Makes the next resume() call `body` from its beginning; whatever ran here before is forgotten.
  void start(void (*body)());
  /// Runs until leave() is called on this fibre's stack.
  void resume();
  /// Back to the caller of resume().
  void leave();

  [[nodiscard]] bool on_stack(std::uintptr_t address) const { return address - stack_ < kStackBytes; }

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  std::uintptr_t stack_ = 0;  // lowest address, above a guard page
};

}  // namespace msl
