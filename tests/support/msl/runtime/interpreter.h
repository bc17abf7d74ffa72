// SPDX-License-Identifier: Apache-2.0
// One launch in progress. run() in launch.cc drives it: threadgroups one after another, each with a fibre per thread,
// the fibres in the order of the schedule. A thread parks at a barrier until all live threads of its threadgroup are
// parked, and at a simdgroup function until all live lanes of its simdgroup are; then the lanes at the same call
// complete it together, so that divergent code sees its true active mask.
// The kernel-facing calls (kernel_calls.cc) and the checks (checks.cc) reach it through `current()`.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/memory_map.h"
#include "runtime/msl.h"
#include "runtime/registry.h"
#include "runtime/shadow.h"
#include "tests/support/fibre/fibre.h"

namespace msl {

enum class ThreadState : std::uint8_t { kRunnable, kAtBarrier, kAtSimdgroup, kDone };

struct Thread {
  std::unique_ptr<marlin::test::Fibre> fibre;
  ThreadState state = ThreadState::kDone;
  std::uint32_t index = 0;
  std::uint32_t position[3] = {};
  std::uint32_t segments[2] = {};  // in device and threadgroup shadow; 0 = a new one is due
  // Where and for what it is parked.
  Site site{};
  const void* caller = nullptr;
  const char* operation = nullptr;
  int flags = 0;
  bool is_simdgroup_barrier = false;
  bool needs_whole = false;
  unsigned char value[32] = {};
};

/// A code place that a Mark can hold: of an atomic (a Site) or the return address of a check.
class Places {
 public:
  /// A function of the running kernel's object: a place holds the distance from it, which fits 31 bits in any object.
  void set_anchor(const void* anchor) { anchor_ = reinterpret_cast<std::intptr_t>(anchor); }
  std::uint32_t of(const void* return_address);
  std::uint32_t of(const Site& site);
  [[nodiscard]] Place place(std::uint32_t number) const;

 private:
  std::intptr_t anchor_ = 0;
  std::vector<Site> sites_;
};

class Interpreter {
 public:
  Interpreter(const Launch& launch, const Options& options);

  [[nodiscard]] Result run();

  /// The launch whose kernel is running; null outside.
  static Interpreter* current();

  // For kernel_calls.cc.
  [[nodiscard]] Thread& thread() { return *thread_; }
  [[nodiscard]] const KernelEntry& entry() const { return *entry_; }
  std::uint32_t builtin(ParameterKind kind, int axis) const;
  void* bound_buffer(int parameter, std::size_t reference_bytes);
  void* bound_threadgroup(int parameter);
  void* threadgroup_variable(int id, const char* name, std::size_t bytes, std::size_t alignment, const Site& site);
  void park(ThreadState state);
  [[nodiscard]] const Exchange& exchange_of(const Thread& thread) const;
  void inactive_lane(const char* operation, int source, std::uint32_t active, const Site& site);

  // For checks.cc.
  void check(std::uintptr_t address, std::size_t bytes, AccessKind kind, std::uint32_t place);
  void misaligned(std::uintptr_t address, std::size_t alignment, const std::string& type, std::uint32_t place);
  void outside_array(std::int64_t index, const char* type, std::uint32_t place);
  [[nodiscard]] Places& places() { return places_; }

 private:
  static constexpr std::uint32_t kMaxThreads = 1024;

  // launch.cc
  bool prepare();
  bool check_sizes();
  bool bind();
  void set_constants();
  void refuse(const std::string& why);

  // schedule.cc
  void run_groups();
  void run_group();
  bool run_simdgroup_once(std::uint32_t simdgroup);
  void run_simdgroups();
  void resume(Thread& thread);
  bool complete_exchange(std::uint32_t simdgroup);
  bool release_barrier();
  void new_simdgroup_epoch(int flags, std::uint32_t first, std::uint32_t last);

  // reporting.cc
  void report(Report report, const std::string& key);
  [[noreturn]] void stop();
  [[nodiscard]] Actor actor(const Place& place) const;
  [[nodiscard]] Actor actor(const Segment& segment, const Place& place) const;
  void report_conflict(const Conflict& conflict, AccessKind kind, std::uint32_t place, const MemoryRange& range);
  void report_uninitialized(std::uintptr_t address, std::uint32_t place, const MemoryRange& range);
  void report_outside(std::uintptr_t address, std::size_t bytes, AccessKind kind, std::uint32_t place);
  void report_barrier(const std::vector<const Thread*>& waiting, std::uint32_t n_returned);
  [[nodiscard]] Size group_position(std::uint32_t group) const;

  bool in_constant_data(std::uintptr_t address);
  bool check_function_constant(std::uintptr_t address, std::uint32_t place);
  void count_access();
  std::uint32_t segment(int memory);

  static void fibre_main();

  const Launch& launch_;
  const Options& options_;
  const KernelEntry* entry_ = nullptr;
  Result result_;
  MemoryMap memory_;
  Shadow shadows_[2] = {Shadow(false), Shadow(true)};  // device, threadgroup
  Places places_;
  std::set<std::string> seen_;
  std::mt19937_64 random_;

  std::vector<void*> parameter_addresses_;
  std::vector<std::size_t> parameter_sizes_;
  std::map<int, void*> variables_;
  std::optional<std::vector<std::pair<std::uintptr_t, std::uintptr_t>>> constant_segments_;  // filled when asked for
  std::unique_ptr<unsigned char[]> absent_;  // what an unbound optional buffer points to

  Size groups_;              // in the grid
  std::uint32_t group_ = 0;  // linear
  std::uint32_t group_position_[3] = {};
  std::uint32_t group_size_[3] = {};
  std::uint32_t n_threads_ = 0;
  std::uint32_t epochs_[2] = {1, 1};
  std::vector<std::uint32_t> simd_epochs_[2];
  std::vector<Exchange> exchanges_;  // by simdgroup
  Thread* thread_ = nullptr;
  bool stopped_ = false;
};

}  // namespace msl
