// SPDX-License-Identifier: Apache-2.0
// One stack per GPU thread, switched by hand: a kernel that reaches a barrier leaves its stack as it is and another
// thread goes on. x86-64 and arm64 in a few instructions; elsewhere ucontext. The GPUs in software run on it
// (tests/support/msl, tests/support/softcuda).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace marlin::test {

class Fibre {
 public:
  static constexpr std::size_t kStackBytes = 128 * 1024;

  Fibre();
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  /// Makes the next resume() call `body` from its beginning; whatever ran here before is forgotten.
  void start(void (*body)());
  /// Runs until leave() is called on this fibre's stack, or on the stack of one that it left to.
  void resume();
  /// Back to the caller of resume().
  void leave();
  /// Another fibre goes on in this one's place: its leave() is then to the caller of this one's resume().
  void leave_to(Fibre& next);

  [[nodiscard]] bool on_stack(std::uintptr_t address) const { return address - stack_ < kStackBytes; }

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  std::uintptr_t stack_ = 0;  // lowest address, above a guard page
  std::size_t colour_ = 0;    // bytes left unused at the top
};

}  // namespace marlin::test
