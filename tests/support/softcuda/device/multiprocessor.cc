// SPDX-License-Identifier: Apache-2.0
// Who runs when. Compiled without sanitizers (CMakeLists.txt), as all that runs between two fibres.
#include "device/multiprocessor.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

#include "softcuda/threads.h"

// Read by kernels. Those of the thread change with every switch to another one.
uint3 threadIdx{}, blockIdx{};
dim3 blockDim, gridDim;

namespace softcuda {
namespace {

/// Which block runs n-th.
class BlockOrder {
 public:
  BlockOrder(std::uint64_t n_blocks, Schedule schedule, Dice& dice) : n_blocks_(n_blocks), schedule_(schedule) {
    if (schedule != Schedule::kRandom) return;
    shuffled_.resize(n_blocks);
    std::iota(shuffled_.begin(), shuffled_.end(), 0U);
    for (std::size_t i = n_blocks; i > 1; --i) {
      std::swap(shuffled_[i - 1], shuffled_[dice.below(static_cast<std::uint32_t>(i))]);
    }
  }

  [[nodiscard]] std::uint64_t operator[](std::uint64_t n) const {
    if (schedule_ == Schedule::kRandom) return shuffled_[n];
    return schedule_ == Schedule::kForward ? n : n_blocks_ - 1 - n;
  }

 private:
  std::uint64_t n_blocks_;
  Schedule schedule_;
  std::vector<std::uint32_t> shuffled_;
};

bool is_same(const Site& a, const Site& b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

}  // namespace

Multiprocessor& Multiprocessor::instance() {
  static auto* instance = new Multiprocessor;  // for good: threads of streams outlive main()
  return *instance;
}

void Multiprocessor::run(const Launch& launch, Schedule schedule, std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  SharedMemory shared(reinterpret_cast<const void*>(launch.function), launch.shared_bytes);
  launch_ = &launch;
  shared_ = &shared;
  schedule_ = schedule;
  dice_ = Dice(seed);
  n_threads_ = launch.block.x * launch.block.y * launch.block.z;
  blockDim = launch.block;
  gridDim = launch.grid;
  for (std::uint32_t i = 0; i < n_threads_; ++i) {
    places_[i] = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
  }
  const std::uint64_t n_blocks = std::uint64_t{gridDim.x} * gridDim.y * gridDim.z;
  const BlockOrder order(n_blocks, schedule, dice_);
  for (std::uint64_t n = 0; n < n_blocks; ++n) {
    shared.before_block();
    run_block(order[n]);
    shared.after_block();
  }
  shared_ = nullptr;
  launch_ = nullptr;
}

void Multiprocessor::run_block(std::uint64_t block) {
  blockIdx.x = static_cast<unsigned>(block % gridDim.x);
  blockIdx.y = static_cast<unsigned>(block / gridDim.x % gridDim.y);
  blockIdx.z = static_cast<unsigned>(block / (std::uint64_t{gridDim.x} * gridDim.y));
  n_live_ = n_threads_;
  n_waiting_ = 0;
  ready_warps_ = 0;
  for (std::uint32_t i = 0; i < n_threads_; ++i) {
    threads_[i].fibre = nullptr;
    threads_[i].is_done = false;
    threads_[i].copies.clear();
    threads_[i].n_copy_groups = 0;
  }
  for (std::uint32_t first = 0; first < n_threads_; first += kWarpSize) {
    const std::uint32_t n = std::min(kWarpSize, n_threads_ - first);
    Warp& warp = warps_[first / kWarpSize];
    warp.live = n == kWarpSize ? ~0U : (1U << n) - 1;
    warp.ready = warp.waiting = 0;
    warp.meetings.clear();
    make_ready(first / kWarpSize, warp.live);
  }
  take_next();
  current_->fibre = &free_fibre();
  current_->fibre->start(&Multiprocessor::fibre_main);
  current_->fibre->resume();
}

// One thread after another, until the next one is in the middle of its work on another fibre.
void Multiprocessor::fibre_main() {
  Multiprocessor& all = instance();
  marlin::test::Fibre& mine = *all.current_->fibre;
  for (;;) {
    all.launch_->function(all.launch_->call);
    all.leave_thread();
    if (all.n_live_ == 0) break;
    if (!all.can_go_on()) all.report_stuck();
    all.take_next();
    if (all.current_->fibre != nullptr) {
      all.free_fibres_.push_back(&mine);
      mine.leave_to(*all.current_->fibre);
    }
    all.current_->fibre = &mine;
  }
  all.free_fibres_.push_back(&mine);
  mine.leave();
}

void Multiprocessor::leave_thread() {
  const std::uint32_t number = current_index_ / kWarpSize;
  Warp& warp = warps_[number];
  current_->is_done = true;
  warp.live &= ~(1U << lane());
  --n_live_;
  for (std::size_t i = 0; i < warp.meetings.size();) {
    if (!complete_if_all_arrived(number, i)) ++i;
  }
  if (n_waiting_ > 0 && n_waiting_ == n_live_) release_barrier();
}

void Multiprocessor::barrier(Site site) {
  if (n_waiting_ > 0 && !is_same(site, barrier_site_)) {
    fault("__syncthreads of " + std::string(site.file) + ":" + std::to_string(site.line) +
          " while other threads of the block wait at another one:" + thread_states());
  }
  const std::uint32_t number = current_index_ / kWarpSize;
  barrier_site_ = current_->site = site;
  current_->function = nullptr;
  warps_[number].waiting |= 1U << lane();
  ++n_waiting_;
  if (n_waiting_ == n_live_) release_barrier();
  park();
}

void Multiprocessor::release_barrier() {
  n_waiting_ = 0;
  for (std::uint32_t warp = 0; warp * kWarpSize < n_threads_; ++warp) {
    make_ready(warp, std::exchange(warps_[warp].waiting, 0U));
  }
}

void Multiprocessor::meet(const WarpFunction& function, std::uint32_t mask, void* brought, Site site) {
  const std::uint32_t number = current_index_ / kWarpSize;
  const std::uint32_t bit = 1U << lane();
  Warp& warp = warps_[number];
  current_->function = &function;
  current_->mask = mask;
  current_->site = site;
  if ((mask & bit) == 0) fault(std::string(function.name) + " with a mask that does not name the lane itself");
  warp.brought[lane()] = brought;
  std::size_t i = 0;
  while (i < warp.meetings.size() && (warp.meetings[i].function != &function || warp.meetings[i].mask != mask)) ++i;
  if (i == warp.meetings.size()) warp.meetings.push_back({&function, mask, 0});
  warp.meetings[i].arrived |= bit;
  complete_if_all_arrived(number, i);
  park();
}

bool Multiprocessor::complete_if_all_arrived(std::uint32_t warp, std::size_t meeting) {
  std::vector<Meeting>& meetings = warps_[warp].meetings;
  const Meeting done = meetings[meeting];
  if ((done.mask & warps_[warp].live & ~done.arrived) != 0) return false;
  if (done.function->needs_whole_warp && done.arrived != ~0U) {
    fault(std::string(done.function->name) + " without all lanes of the warp:" + thread_states());
  }
  meetings.erase(meetings.begin() + static_cast<std::ptrdiff_t>(meeting));
  if (done.function->complete != nullptr) done.function->complete(warps_[warp].brought, done.arrived);
  make_ready(warp, done.arrived);
  return true;
}

void Multiprocessor::make_ready(std::uint32_t warp, std::uint32_t lanes) {
  if (lanes == 0) return;
  warps_[warp].ready |= lanes;
  ready_warps_ |= 1U << warp;
}

// Another thread runs, and perhaps more, until it is this one's turn again; at once, if that can run and is next.
void Multiprocessor::park() {
  if (!can_go_on()) report_stuck();
  Thread& mine = *current_;
  take_next();
  if (current_ == &mine) return;
  if (current_->fibre == nullptr) {
    current_->fibre = &free_fibre();
    current_->fibre->start(&Multiprocessor::fibre_main);
  }
  mine.fibre->leave_to(*current_->fibre);
}

void Multiprocessor::take_next() {
  const auto choose = [&](std::uint32_t bits) {
    if (schedule_ == Schedule::kForward) return static_cast<std::uint32_t>(std::countr_zero(bits));
    if (schedule_ == Schedule::kReverse) return 31U - static_cast<std::uint32_t>(std::countl_zero(bits));
    return dice_.set_bit_of(bits);
  };
  const std::uint32_t warp = choose(ready_warps_);
  take(warp * kWarpSize + choose(warps_[warp].ready));
}

void Multiprocessor::take(std::uint32_t thread) {
  Warp& warp = warps_[thread / kWarpSize];
  warp.ready &= ~(1U << thread % kWarpSize);
  if (warp.ready == 0) ready_warps_ &= ~(1U << thread / kWarpSize);
  current_ = &threads_[thread];
  current_index_ = thread;
  threadIdx = places_[thread];
}

marlin::test::Fibre& Multiprocessor::free_fibre() {
  if (free_fibres_.empty()) {
    fibres_.push_back(std::make_unique<marlin::test::Fibre>());
    free_fibres_.push_back(fibres_.back().get());
  }
  marlin::test::Fibre& fibre = *free_fibres_.back();
  free_fibres_.pop_back();
  return fibre;
}

}  // namespace softcuda
