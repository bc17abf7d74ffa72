// SPDX-License-Identifier: Apache-2.0
#include "control/control.h"

#include <mutex>

#include "control/environment.h"
#include "host/result.h"
#include "host/stream.h"
#include "tests/support/unseen/unseen.h"

namespace softcuda {
namespace {

struct State {
  std::mutex mutex;
  Options options = options_of_environment();
};

State& state() {
  static auto* instance = new State;  // for good: threads of streams outlive main()
  return *instance;
}

}  // namespace

Options current_options() {
  const std::lock_guard lock(state().mutex);
  return state().options;
}

}  // namespace softcuda

void softcuda_reset(const softcuda::Options* options) {
  softcuda::wait_for_all_streams();
  const std::lock_guard lock(softcuda::state().mutex);
  softcuda::Health::instance().reset();
  softcuda::state().options = *options;
}

void softcuda_environment(softcuda::Options* options) { *options = softcuda::options_of_environment(); }

/// For apps/metal-marlin/allocation_counter.cc.
extern "C" bool softcuda_is_allocating() { return marlin::test::is_allocating_unseen(); }
