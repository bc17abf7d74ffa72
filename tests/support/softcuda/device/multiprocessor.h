// SPDX-License-Identifier: Apache-2.0
// Runs launches, one block after another, each with a fibre per thread. A thread goes on until it waits: at a barrier
// for the threads of its block that have not returned, at a warp function for the lanes that its mask names. Then one
// of the threads that can run follows, as the schedule says; no stack but that thread's is touched in between. When
// none can, the block is at its end, or it never will be: the program ends with a message.
//
// Surprise: a thread that returns leaves its fibre to the next one that has not begun, so that a kernel without
// barriers runs like a loop.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "device/dice.h"
#include "device/launch.h"
#include "device/shared_memory.h"
#include "tests/support/fibre/fibre.h"
#include "tests/support/softcuda/softcuda.h"

namespace softcuda {

inline constexpr std::uint32_t kWarpSize = 32;

struct Site {
  const char* file = nullptr;
  std::uint32_t line = 0;
};

/// What lanes of a warp do together.
struct WarpFunction {
  const char* name;
  bool needs_whole_warp;
  void (*complete)(void* const* lanes, std::uint32_t arrived);  // lanes[l]: what lane l has brought
};

/// A copy that a thread has begun and not waited for.
struct AsyncCopy {
  void* to;
  const void* from;
  std::uint32_t n_valid;
  std::uint32_t group;
};

struct Thread {
  marlin::test::Fibre* fibre = nullptr;  // null: not begun
  bool is_done = false;
  const WarpFunction* function = nullptr;  // waits for; null: at the block's barrier
  std::uint32_t mask = 0;
  Site site;
  std::vector<AsyncCopy> copies;  // oldest first
  std::uint32_t n_copy_groups = 0;
};

class Multiprocessor {
 public:
  static Multiprocessor& instance();

  /// Runs all blocks and returns. One launch at a time: others wait.
  void run(const Launch& launch, Schedule schedule, std::uint64_t seed);

  // On the fibre of the running thread.
  void barrier(Site site);
  void meet(const WarpFunction& function, std::uint32_t mask, void* brought, Site site);
  [[nodiscard]] Thread& thread() { return *current_; }
  [[nodiscard]] std::uint32_t lane() const { return current_index_ % kWarpSize; }
  [[nodiscard]] void* dynamic_shared() const { return shared_->dynamic(); }
  /// Ends the program: the running thread has done what no GPU would carry out.
  [[noreturn]] void fault(const std::string& what);

 private:
  /// Lanes that wait for each other.
  struct Meeting {
    const WarpFunction* function;
    std::uint32_t mask;
    std::uint32_t arrived;
  };

  struct Warp {
    std::uint32_t live = 0;     // lanes that have not returned
    std::uint32_t ready = 0;    // lanes that can run, but for the one that does
    std::uint32_t waiting = 0;  // lanes at the block's barrier
    std::vector<Meeting> meetings;
    void* brought[kWarpSize] = {};
  };

  static void fibre_main();

  void run_block(std::uint64_t block);
  void leave_thread();
  void park();
  void release_barrier();
  bool complete_if_all_arrived(std::uint32_t warp, std::size_t meeting);
  void make_ready(std::uint32_t warp, std::uint32_t lanes);
  [[nodiscard]] bool can_go_on() const { return ready_warps_ != 0; }
  void take_next();
  void take(std::uint32_t thread);
  marlin::test::Fibre& free_fibre();
  [[noreturn]] void report_stuck();
  [[nodiscard]] std::string where() const;
  [[nodiscard]] std::string thread_states() const;

  std::mutex mutex_;  // of a launch
  const Launch* launch_ = nullptr;
  SharedMemory* shared_ = nullptr;
  Schedule schedule_ = Schedule::kForward;
  Dice dice_{1};
  std::uint32_t n_threads_ = 0;  // of a block
  std::uint32_t n_live_ = 0;
  std::uint32_t n_waiting_ = 0;
  Site barrier_site_;              // of those that wait
  std::uint32_t ready_warps_ = 0;  // warps with lanes that can run
  Warp warps_[kMaxBlockThreads / kWarpSize];
  Thread threads_[kMaxBlockThreads];
  uint3 places_[kMaxBlockThreads];
  Thread* current_ = nullptr;
  std::uint32_t current_index_ = 0;
  std::vector<std::unique_ptr<marlin::test::Fibre>> fibres_;
  std::vector<marlin::test::Fibre*> free_fibres_;
};

}  // namespace softcuda
