// SPDX-License-Identifier: Apache-2.0
#include "interrupt.h"

#include <csignal>

namespace marlin::app {
namespace {

// A signal handler can reach nothing else.
volatile std::sig_atomic_t interrupt_raised = 0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void raise_flag(int /*signal*/) { interrupt_raised = 1; }

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupt_raised = 0;
  struct sigaction action {};
  action.sa_handler = raise_flag;  // no SA_RESTART: a blocked read returns
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

InterruptGuard::~InterruptGuard() { std::signal(SIGINT, SIG_DFL); }

bool InterruptGuard::take() {
  const bool was_raised = interrupt_raised != 0;
  interrupt_raised = 0;
  return was_raised;
}

bool InterruptGuard::raised() const { return interrupt_raised != 0; }

}  // namespace marlin::app
