// SPDX-License-Identifier: Apache-2.0
// Who runs when, and what happens when everybody waits.
#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "runtime/interpreter.h"

namespace msl {
namespace {

Interpreter* running = nullptr;  // guarded by the launch mutex

// Stacks are kept between launches: a thousand of them are slow to map.
std::vector<Thread>& threads() {
  static std::vector<Thread> instance;
  return instance;
}

bool same_call(const Thread& a, const Thread& b) {
  return a.caller == b.caller && a.site.line == b.site.line && a.site.column == b.site.column &&
         (a.site.file == b.site.file || std::strcmp(a.site.file, b.site.file) == 0);
}

// An earlier call in the code: lanes that wait there catch up with the others first.
bool before(const Thread& a, const Thread& b) {
  if (a.caller != b.caller) return std::less<>{}(a.caller, b.caller);
  return a.site.line != b.site.line ? a.site.line < b.site.line : a.site.column < b.site.column;
}

constexpr std::uint32_t kWidth = kSimdWidth;

}  // namespace

Interpreter* Interpreter::current() { return running; }

void Interpreter::fibre_main() {
  running->entry_->run();
  running->thread_->state = ThreadState::kDone;
  running->thread_->fibre->leave();
}

void Interpreter::park(ThreadState state) {
  thread_->state = state;
  thread_->fibre->leave();
}

void Interpreter::resume(Thread& thread) {
  thread_ = &thread;
  thread.fibre->resume();
  thread_ = nullptr;
}

void Interpreter::run_groups() {
  running = this;
  const std::uint64_t n = groups_.count();
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  if (options_.schedule == Schedule::kReverse) std::reverse(order.begin(), order.end());
  if (options_.schedule == Schedule::kRandom) std::shuffle(order.begin(), order.end(), random_);
  for (const std::uint32_t group : order) {
    group_ = group;
    const Size position = group_position(group);
    const std::uint32_t at[3] = {position.x, position.y, position.z};
    const std::uint32_t full[3] = {launch_.threadgroup.x, launch_.threadgroup.y, launch_.threadgroup.z};
    const std::uint32_t grid[3] = {launch_.grid.x, launch_.grid.y, launch_.grid.z};
    n_threads_ = 1;
    for (int a = 0; a < 3; ++a) {
      group_position_[a] = at[a];
      group_size_[a] = launch_.grid_in_threads ? std::min(full[a], grid[a] - at[a] * full[a]) : full[a];
      n_threads_ *= group_size_[a];
    }
    run_group();
    if (stopped_) break;
  }
  running = nullptr;
}

void Interpreter::run_group() {
  std::vector<Thread>& all = threads();
  if (all.size() < n_threads_) all.resize(n_threads_);
  for (std::uint32_t i = 0; i < n_threads_; ++i) {
    Thread& thread = all[i];
    if (thread.fibre == nullptr) thread.fibre = std::make_unique<marlin::test::Fibre>();
    thread.index = i;
    thread.position[0] = i % group_size_[0];
    thread.position[1] = i / group_size_[0] % group_size_[1];
    thread.position[2] = i / (group_size_[0] * group_size_[1]);
    thread.segments[0] = thread.segments[1] = 0;
    thread.state = ThreadState::kRunnable;
    thread.fibre->start(&Interpreter::fibre_main);
  }
  const std::uint32_t n_simdgroups = (n_threads_ + kWidth - 1) / kWidth;
  for (auto& epochs : simd_epochs_) epochs.assign(n_simdgroups, 1);
  exchanges_.resize(n_simdgroups);
  memory_.poison_threadgroup_memory();
  shadows_[1].wipe();
  do {
    run_simdgroups();
  } while (!stopped_ && release_barrier());
}

// Until every thread is at a barrier or done.
void Interpreter::run_simdgroups() {
  std::vector<std::uint32_t> left((n_threads_ + kWidth - 1) / kWidth);
  std::iota(left.begin(), left.end(), 0U);
  if (options_.schedule == Schedule::kReverse) std::reverse(left.begin(), left.end());
  while (!left.empty() && !stopped_) {
    const std::size_t pick = options_.schedule == Schedule::kRandom ? random_() % left.size() : 0;
    if (!run_simdgroup_once(left[pick])) left.erase(left.begin() + static_cast<std::ptrdiff_t>(pick));
  }
}

// Runs its lanes until all are parked, then completes one simdgroup operation. False: none is left to complete.
bool Interpreter::run_simdgroup_once(std::uint32_t simdgroup) {
  std::vector<Thread>& all = threads();
  const std::uint32_t first = simdgroup * kWidth;
  const std::uint32_t n = std::min(kWidth, n_threads_ - first);
  std::uint32_t order[kWidth];
  std::iota(order, order + n, 0U);
  if (options_.schedule == Schedule::kReverse) std::reverse(order, order + n);
  if (options_.schedule == Schedule::kRandom) std::shuffle(order, order + n, random_);
  for (std::uint32_t i = 0; i < n; ++i) {
    Thread& thread = all[first + order[i]];
    if (thread.state != ThreadState::kRunnable) continue;
    resume(thread);
    if (stopped_) return false;
  }
  return complete_exchange(simdgroup);
}

bool Interpreter::complete_exchange(std::uint32_t simdgroup) {
  std::vector<Thread>& all = threads();
  const std::uint32_t first = simdgroup * kWidth;
  const std::uint32_t last = std::min(n_threads_, first + kWidth);
  const Thread* earliest = nullptr;
  std::uint32_t n_live = 0;
  for (std::uint32_t i = first; i < last; ++i) {
    n_live += all[i].state != ThreadState::kDone ? 1 : 0;
    if (all[i].state == ThreadState::kAtSimdgroup && (earliest == nullptr || before(all[i], *earliest))) {
      earliest = &all[i];
    }
  }
  if (earliest == nullptr) return false;
  Exchange& exchange = exchanges_[simdgroup];
  exchange.active = 0;
  for (std::uint32_t i = first; i < last; ++i) {
    if (all[i].state != ThreadState::kAtSimdgroup || !same_call(all[i], *earliest)) continue;
    exchange.active |= 1U << (i - first);
    std::memcpy(exchange.values[i - first], all[i].value, sizeof(all[i].value));
  }
  const auto n_active = static_cast<std::uint32_t>(std::popcount(exchange.active));
  ++result_.simdgroup_operations;
  const bool partial =
      earliest->is_simdgroup_barrier ? n_active != n_live : earliest->needs_whole && n_active != kWidth;
  if (partial) {
    const std::string place = std::string(earliest->site.file) + ":" + std::to_string(earliest->site.line);
    Report report;
    report.kind = earliest->is_simdgroup_barrier ? ReportKind::kDivergentBarrier : ReportKind::kPartialSimdgroup;
    thread_ = const_cast<Thread*>(earliest);
    report.actor = actor(Place{earliest->site.file, earliest->site.line});
    thread_ = nullptr;
    report.message = std::string(earliest->operation) + " is reached by " + std::to_string(n_active) + " of " +
                     (earliest->is_simdgroup_barrier ? std::to_string(n_live) + " live lanes of simdgroup "
                                                     : "32 lanes of simdgroup ") +
                     std::to_string(simdgroup);
    this->report(std::move(report), place);
  }
  if (earliest->is_simdgroup_barrier) new_simdgroup_epoch(earliest->flags, first, last);
  for (std::uint32_t i = first; i < last; ++i) {
    if ((exchange.active >> (i - first) & 1U) != 0) all[i].state = ThreadState::kRunnable;
  }
  return true;
}

// mem_flags: bit 0 orders device memory, bit 1 threadgroup memory.
void Interpreter::new_simdgroup_epoch(int flags, std::uint32_t first, std::uint32_t last) {
  std::vector<Thread>& all = threads();
  for (int memory = 0; memory < 2; ++memory) {
    if ((flags >> memory & 1) == 0) continue;
    ++simd_epochs_[memory][first / kWidth];
    for (std::uint32_t i = first; i < last; ++i) all[i].segments[memory] = 0;
  }
}

// Called when no thread can run: lets those at the barrier go on. False: all are done.
bool Interpreter::release_barrier() {
  std::vector<Thread>& all = threads();
  std::vector<const Thread*> waiting;
  for (std::uint32_t i = 0; i < n_threads_; ++i) {
    if (all[i].state == ThreadState::kAtBarrier) waiting.push_back(&all[i]);
  }
  if (waiting.empty()) return false;
  ++result_.barriers;
  const bool divergent = std::any_of(waiting.begin(), waiting.end(),
                                     [&](const Thread* thread) { return !same_call(*thread, *waiting.front()); });
  const std::uint32_t n_returned = n_threads_ - static_cast<std::uint32_t>(waiting.size());
  if (divergent || n_returned > 0) report_barrier(waiting, n_returned);
  int flags = waiting.front()->flags;
  for (const Thread* thread : waiting) flags &= thread->flags;
  for (int memory = 0; memory < 2; ++memory) {
    if ((flags >> memory & 1) == 0) continue;
    ++epochs_[memory];
    for (std::uint32_t i = 0; i < n_threads_; ++i) all[i].segments[memory] = 0;
  }
  for (std::uint32_t i = 0; i < n_threads_; ++i) {
    if (all[i].state == ThreadState::kAtBarrier) all[i].state = ThreadState::kRunnable;
  }
  return true;
}

std::uint32_t Interpreter::segment(int memory) {
  std::uint32_t& number = thread_->segments[memory];
  if (number == 0) {
    number = shadows_[memory].add_segment(
        {group_, thread_->index, epochs_[memory], simd_epochs_[memory][thread_->index / kWidth]});
  }
  return number;
}

const Exchange& Interpreter::exchange_of(const Thread& thread) const { return exchanges_[thread.index / kWidth]; }

std::uint32_t Interpreter::builtin(ParameterKind kind, int axis) const {
  const std::uint32_t full[3] = {launch_.threadgroup.x, launch_.threadgroup.y, launch_.threadgroup.z};
  const std::uint32_t grid[3] = {launch_.grid.x, launch_.grid.y, launch_.grid.z};
  const std::uint32_t groups[3] = {groups_.x, groups_.y, groups_.z};
  const std::uint64_t n_full = launch_.threadgroup.count();
  switch (kind) {
    case ParameterKind::kThreadgroupPositionInGrid:
      return group_position_[axis];
    case ParameterKind::kThreadPositionInThreadgroup:
      return thread_->position[axis];
    case ParameterKind::kThreadPositionInGrid:
      return group_position_[axis] * full[axis] + thread_->position[axis];
    case ParameterKind::kThreadsPerThreadgroup:
      return group_size_[axis];
    case ParameterKind::kDispatchThreadsPerThreadgroup:
      return full[axis];
    case ParameterKind::kThreadgroupsPerGrid:
      return groups[axis];
    case ParameterKind::kThreadsPerGrid:
      return launch_.grid_in_threads ? grid[axis] : groups[axis] * full[axis];
    case ParameterKind::kThreadIndexInThreadgroup:
      return thread_->index;
    case ParameterKind::kThreadIndexInSimdgroup:
      return thread_->index % kWidth;
    case ParameterKind::kSimdgroupIndexInThreadgroup:
      return thread_->index / kWidth;
    case ParameterKind::kSimdgroupsPerThreadgroup:
      return (n_threads_ + kWidth - 1) / kWidth;
    case ParameterKind::kDispatchSimdgroupsPerThreadgroup:
      return static_cast<std::uint32_t>((n_full + kWidth - 1) / kWidth);
    case ParameterKind::kThreadsPerSimdgroup:
      return kWidth;
    case ParameterKind::kBuffer:
    case ParameterKind::kThreadgroup:
      break;
  }
  return 0;
}

}  // namespace msl
