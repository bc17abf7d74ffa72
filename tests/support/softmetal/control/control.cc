// SPDX-License-Identifier: Apache-2.0
#include "control/control.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "control/environment.h"
#include "gpu/gpu.h"
#include "runtime/export.h"
#include "runtime/object.h"
#include "tests/support/unseen/unseen.h"

namespace softmetal {
namespace {

struct State {
  std::mutex mutex;
  Options options = options_of_environment();
  std::vector<std::string> faults;
  std::uint64_t n_commits = 0;  // since the last reset
  std::uint64_t n_resumed = 0;  // of these, how many do not hang whatever was planned
  std::uint64_t n_allocations = 0;
  std::map<std::uint64_t, Plan> plans;  // by number of commit
  std::map<std::uint64_t, bool> failing_allocations;
};

State& state() {
  static auto* instance = new State;  // for good: threads of the driver outlive main()
  return *instance;
}

void clear(AtomicCounters& c) {
  for (auto* counter : {&c.command_buffers, &c.commits, &c.dispatches, &c.barriers, &c.set_buffers, &c.bound_bytes,
                        &c.set_bytes, &c.residency_changes, &c.buffers, &c.executed_dispatches}) {
    *counter = 0;
  }
}

}  // namespace

void fault(const char* format, ...) {
  constexpr std::size_t kMaxFaults = 10000;
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  const std::lock_guard lock(state().mutex);
  if (state().options.fatal) {
    std::fprintf(stderr, "softmetal: %s\n", text);
    std::abort();
  }
  if (state().faults.size() < kMaxFaults) state().faults.emplace_back(text);
}

AtomicCounters& counting() {
  static AtomicCounters instance;
  return instance;
}

Options current_options() {
  const std::lock_guard lock(state().mutex);
  return state().options;
}

Plan plan_for_commit(const Options& options) {
  const std::lock_guard lock(state().mutex);
  const std::uint64_t number = ++state().n_commits;
  const auto planned = state().plans.find(number);
  Plan plan = planned == state().plans.end() ? Plan{} : planned->second;
  plan.number = number;
  plan.hangs = (plan.hangs || options.hang) && number > state().n_resumed;
  plan.least_us = std::max<std::uint64_t>(plan.least_us, options.least_us);
  return plan;
}

bool allocation_fails() {
  const std::lock_guard lock(state().mutex);
  return state().failing_allocations.count(++state().n_allocations) > 0;
}

}  // namespace softmetal

using softmetal::state;

extern "C" {

SOFTMETAL_EXPORT void softmetal_reset() {
  softmetal::Gpu::instance().resume_hung(~std::uint64_t{0});
  const std::lock_guard lock(state().mutex);
  state().options = softmetal::options_of_environment();
  state().faults.clear();
  state().n_commits = state().n_resumed = state().n_allocations = 0;
  state().plans.clear();
  state().failing_allocations.clear();
  softmetal::clear(softmetal::counting());
}

SOFTMETAL_EXPORT void softmetal_set_options(const softmetal::Options* options) {
  const std::lock_guard lock(state().mutex);
  state().options = *options;
}

SOFTMETAL_EXPORT void softmetal_get_options(softmetal::Options* options) { *options = softmetal::current_options(); }

SOFTMETAL_EXPORT void softmetal_get_counters(softmetal::Counters* counters) {
  const softmetal::AtomicCounters& now = softmetal::counting();
  *counters = {.command_buffers = now.command_buffers,
               .commits = now.commits,
               .dispatches = now.dispatches,
               .barriers = now.barriers,
               .set_buffers = now.set_buffers,
               .bound_bytes = now.bound_bytes,
               .set_bytes = now.set_bytes,
               .residency_changes = now.residency_changes,
               .buffers = now.buffers,
               .executed_dispatches = now.executed_dispatches};
}

SOFTMETAL_EXPORT void softmetal_visit_faults(void (*visit)(void* context, const char* text), void* context) {
  std::vector<std::string> faults;
  {
    const std::lock_guard lock(state().mutex);
    faults = state().faults;
  }
  for (const std::string& text : faults) visit(context, text.c_str());
}

SOFTMETAL_EXPORT void softmetal_clear_faults() {
  const std::lock_guard lock(state().mutex);
  state().faults.clear();
}

SOFTMETAL_EXPORT void softmetal_visit_live(void (*visit)(void* context, const char* class_name, long n),
                                           void* context) {
  softmetal::Gpu::instance().settle(10000);
  for (const softmetal::Class* type : softmetal::Class::all()) {
    if (const long n = type->live(); n != 0) visit(context, type->name(), n);
  }
}

SOFTMETAL_EXPORT void softmetal_fail_command_buffer(unsigned long n, long code) {
  const std::lock_guard lock(state().mutex);
  state().plans[state().n_commits + n].error = code;
}

SOFTMETAL_EXPORT void softmetal_fail_allocation(unsigned long n) {
  const std::lock_guard lock(state().mutex);
  state().failing_allocations[state().n_allocations + n] = true;
}

SOFTMETAL_EXPORT void softmetal_hang_command_buffer(unsigned long n) {
  const std::lock_guard lock(state().mutex);
  state().plans[state().n_commits + n].hangs = true;
}

SOFTMETAL_EXPORT void softmetal_slow_command_buffer(unsigned long n, unsigned long least_us) {
  const std::lock_guard lock(state().mutex);
  state().plans[state().n_commits + n].least_us = least_us;
}

SOFTMETAL_EXPORT void softmetal_resume_hung() {
  std::uint64_t n_commits = 0;
  {
    const std::lock_guard lock(state().mutex);
    n_commits = state().n_commits;
  }
  softmetal::resume_hung_up_to(n_commits);
}

SOFTMETAL_EXPORT void softmetal_resume_hung_up_to(unsigned long n) {
  {
    const std::lock_guard lock(state().mutex);
    state().n_resumed = std::max<std::uint64_t>(state().n_resumed, n);
  }
  softmetal::Gpu::instance().resume_hung(n);
}

/// For apps/metal-marlin/allocation_counter.cc.
SOFTMETAL_EXPORT bool softmetal_is_allocating() { return marlin::test::is_allocating_unseen(); }

SOFTMETAL_EXPORT bool softmetal_settle(unsigned long timeout_ms) {
  return softmetal::Gpu::instance().settle(timeout_ms);
}

}  // extern "C"
