// SPDX-License-Identifier: Apache-2.0
// The memory of passes: sizes, who may have it when, and how much of it there may be. The device here completes a batch
// when the test says so, so that "not yet ended" is a fact and not a matter of speed.
#include "runtime/moe_buffer_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/runtime/stand_in_device.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

constexpr MoEBufferNeeds kNeeds{.hidden = 24, .slots_per_row = 3, .n_experts = 9, .vocab_size = 50, .n_blocks = 7};
constexpr std::size_t kPlenty = std::size_t{1} << 30;

class PoolOnDevice : public ::testing::Test {
 protected:
  explicit PoolOnDevice(std::string_view backend)
      : stand_in_(test::create_stand_in(backend, {.n_threads = 1}, {.all_hang = true})),
        manager_(stand_in_->device(), {}, instruments_) {
    make_pool({.budget_bytes = kPlenty});
  }
  ~PoolOnDevice() override { stand_in_->open(); }

  void make_pool(const MoEBufferPool::Options& options) {
    pool_ = std::make_unique<MoEBufferPool>(manager_, kNeeds, options, instruments_);
  }

  BatchId commit() {
    manager_.begin({}, "batch", Clock::now());
    return manager_.commit();
  }

  /// Batches up to `id` end, and no others.
  void complete(BatchId id) {
    stand_in_->open(id);
    manager_.wait(id);
    EXPECT_EQ(manager_.completed(), id);
  }

  [[nodiscard]] const MoEBufferPool::Statistics& statistics() const { return pool_->statistics(); }

  [[nodiscard]] Device& device() { return stand_in_->device(); }

  Instruments instruments_{nullptr};
  std::unique_ptr<test::StandInDevice> stand_in_;  // whose n-th command buffer is the n-th batch
  AsyncCommandBufferManager manager_;
  std::unique_ptr<MoEBufferPool> pool_;
};

class MoEBufferPoolTest : public PoolOnDevice, public ::testing::WithParamInterface<std::string> {
 protected:
  MoEBufferPoolTest() : PoolOnDevice(GetParam()) {}
};
MARLIN_ON_EVERY_STAND_IN(MoEBufferPoolTest);

const Buffer* inputs_of(const MoEBufferPool::Lease& lease) { return lease.buffers().ids.buffer; }
const Buffer* memory_of(const MoEBufferPool::Lease& lease) { return lease.buffers().x.buffer; }

std::size_t bytes_of(const MoEBufferPool::Lease& lease) {
  return inputs_of(lease)->size_bytes() + memory_of(lease)->size_bytes();
}

std::vector<BufferView> views_of(const MoEBuffers& buffers) {
  const ops::RoutingBuffers& routing = buffers.routing;
  return {buffers.ids,     buffers.places, buffers.blocks,       buffers.x,
          buffers.h,       buffers.logits, routing.ids,          routing.weights,
          routing.offsets, routing.active, routing.sorted_slots, routing.slot_position};
}

bool overlap(const BufferView& a, const BufferView& b) {
  return std::max(a.device_address(), b.device_address()) <
         std::min(a.device_address() + a.bytes, b.device_address() + b.bytes);
}

TEST_P(MoEBufferPoolTest, TiersArePowersOfTwo) {
  constexpr std::array<std::pair<std::int64_t, std::int64_t>, 11> kTiers = {
      {{1, 1}, {2, 2}, {3, 4}, {4, 4}, {5, 8}, {8, 8}, {9, 16}, {17, 32}, {33, 64}, {64, 64}, {65, 128}}};
  for (const auto& [rows, tier] : kTiers) {
    EXPECT_EQ(kNeeds.tier_bytes(rows, 1), kNeeds.tier_bytes(tier, 1)) << rows;
    EXPECT_EQ(kNeeds.tier_bytes(tier, rows), kNeeds.tier_bytes(tier, tier)) << rows << " with logits";
    const MoEBufferPool::Lease lease = pool_->lease(rows, 1);
    EXPECT_EQ(memory_of(lease)->label(), "batches of " + std::to_string(tier));
    EXPECT_EQ(bytes_of(lease), kNeeds.tier_bytes(tier, 1)) << rows;
  }
  EXPECT_LT(kNeeds.tier_bytes(32, 1), kNeeds.tier_bytes(33, 1));
}

TEST_P(MoEBufferPoolTest, ViewsCarryExactlyTheBatch) {
  for (const auto& [rows, logit_rows] :
       {std::pair<std::int64_t, std::int64_t>{1, 0}, {1, 1}, {3, 1}, {5, 5}, {33, 0}, {100, 7}}) {
    const MoEBufferPool::Lease lease = pool_->lease(rows, logit_rows);
    const MoEBuffers& buffers = lease.buffers();
    const auto bytes = [](std::int64_t elements) { return static_cast<std::size_t>(elements) * 4; };
    EXPECT_EQ(buffers.ids.bytes, bytes(rows));
    EXPECT_EQ(buffers.places.bytes, bytes(2 * rows));
    EXPECT_EQ(buffers.blocks.bytes, bytes(kNeeds.n_blocks));
    EXPECT_EQ(buffers.x.bytes, bytes(rows * kNeeds.hidden));
    EXPECT_EQ(buffers.h.bytes, bytes(rows * kNeeds.hidden));
    EXPECT_EQ(buffers.logits.bytes, bytes(logit_rows * kNeeds.vocab_size));
    for (const BufferView& view :
         {buffers.routing.ids, buffers.routing.weights, buffers.routing.sorted_slots, buffers.routing.slot_position}) {
      EXPECT_EQ(view.bytes, bytes(rows * kNeeds.slots_per_row));
    }
    for (const BufferView& view : {buffers.routing.offsets, buffers.routing.active}) {
      EXPECT_EQ(view.bytes, bytes(kNeeds.n_experts + 1));
    }
  }
}

TEST_P(MoEBufferPoolTest, ViewsOfALeaseAreApartAndInsideItsMemory) {
  for (const auto& [rows, logit_rows] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {7, 3}, {64, 64}}) {
    const MoEBufferPool::Lease lease = pool_->lease(rows, logit_rows);
    const std::vector<BufferView> views = views_of(lease.buffers());
    const BufferView& defined = lease.buffers().defined;
    EXPECT_LE(defined.offset + defined.bytes, memory_of(lease)->size_bytes());
    const BufferView& copy = lease.buffers().copy;
    EXPECT_EQ(copy.bytes, lease.buffers().inputs.bytes);
    EXPECT_FALSE(overlap(copy, defined));
    for (std::size_t i = 0; i < views.size(); ++i) {
      constexpr std::size_t kWrittenByTheHost = 3;
      const bool of_host = i < kWrittenByTheHost;
      EXPECT_EQ(views[i].buffer, of_host ? inputs_of(lease) : memory_of(lease));
      EXPECT_EQ(views[i].offset % 128, 0U);
      EXPECT_LE(views[i].offset + views[i].bytes, views[i].buffer->size_bytes());
      for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(overlap(views[i], views[j])) << i << " and " << j;
      EXPECT_FALSE(overlap(views[i], copy)) << i;
      const BufferView& whole = of_host ? lease.buffers().inputs : defined;
      EXPECT_GE(views[i].offset, whole.offset);
      EXPECT_LE(views[i].offset + views[i].bytes, whole.offset + whole.bytes);
    }
  }
}

TEST_P(MoEBufferPoolTest, MissesAreTheDistinctTiersWhateverTheOrder) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    make_pool({.budget_bytes = kPlenty});
    std::vector<std::pair<std::int64_t, std::int64_t>> leases;
    for (int i = 0; i < 60; ++i) {
      const auto rows = std::uniform_int_distribution<std::int64_t>(1, 100)(random);
      leases.emplace_back(rows, std::uniform_int_distribution<std::int64_t>(0, rows)(random));
    }
    std::set<std::pair<std::uint64_t, std::uint64_t>> tiers;
    for (const auto& [rows, logit_rows] : leases) {
      static_cast<void>(pool_->lease(rows, logit_rows));  // given back at once
      tiers.emplace(std::bit_ceil(static_cast<std::uint64_t>(rows)),
                    std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(logit_rows, 1))));
    }
    EXPECT_EQ(statistics().misses, tiers.size());
    EXPECT_EQ(statistics().hits, leases.size() - tiers.size());
  }
}

TEST_P(MoEBufferPoolTest, CountersSeeHitsAndMisses) {
  const std::uint64_t before = device().n_allocations();
  for (const std::int64_t rows : {1, 2, 2, 1, 1}) static_cast<void>(pool_->lease(rows, 1));
  EXPECT_EQ(instruments_.counters().pool_misses, 2U);
  EXPECT_EQ(instruments_.counters().pool_hits, 3U);
  EXPECT_EQ(device().n_allocations() - before, 4U) << "inputs and memory of two";
}

TEST_P(MoEBufferPoolTest, PrewarmMakesTheFirstLeaseAHit) {
  pool_->prewarm(5, 1);
  EXPECT_EQ(statistics().bytes_live, kNeeds.tier_bytes(8, 1));
  const std::uint64_t before = device().n_allocations();
  const MoEBufferPool::Lease lease = pool_->lease(7, 1);
  EXPECT_EQ(statistics().hits, 1U);
  EXPECT_EQ(statistics().misses, 0U);
  EXPECT_EQ(device().n_allocations(), before);
}

TEST_P(MoEBufferPoolTest, LiveLeasesNeverAlias) {
  std::vector<MoEBufferPool::Lease> leases;
  for (const std::int64_t rows : {4, 4, 4, 1, 1, 3, 16, 9, 4}) leases.push_back(pool_->lease(rows, 1));
  for (std::size_t i = 0; i < leases.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      for (const BufferView& a : views_of(leases[i].buffers())) {
        for (const BufferView& b : views_of(leases[j].buffers())) EXPECT_FALSE(overlap(a, b)) << i << " and " << j;
      }
    }
  }
}

TEST_P(MoEBufferPoolTest, MemoryReturnsWhenTheBatchItWasTiedToHasEnded) {
  MoEBufferPool::Lease lease = pool_->lease(4, 1);
  const Buffer* const memory = memory_of(lease);
  const BatchId first = commit();
  const BatchId second = commit();
  lease.release_after(second);
  {
    const MoEBufferPool::Lease other = pool_->lease(4, 1);
    EXPECT_NE(memory_of(other), memory);
    complete(first);
    EXPECT_NE(memory_of(pool_->lease(4, 1)), memory) << "the batch before it is not enough";
    EXPECT_EQ(statistics().hits, 0U);
    complete(second);
    EXPECT_EQ(memory_of(pool_->lease(4, 1)), memory);
    EXPECT_EQ(statistics().hits, 1U);
  }
}

TEST_P(MoEBufferPoolTest, MemoryTiedToAnEarlierBatchDoesNotWaitForLaterOnes) {
  MoEBufferPool::Lease lease = pool_->lease(4, 1);
  const Buffer* const memory = memory_of(lease);
  const BatchId first = commit();
  commit();
  lease.release_after(first);
  complete(first);
  EXPECT_EQ(memory_of(pool_->lease(4, 1)), memory);
}

TEST_P(MoEBufferPoolTest, ADroppedLeaseWaitsForEverythingCommitted) {
  const Buffer* memory = nullptr;
  commit();
  {
    const MoEBufferPool::Lease dropped = pool_->lease(4, 1);
    memory = memory_of(dropped);
    commit();
  }
  const BatchId later = commit();
  complete(1);
  EXPECT_NE(memory_of(pool_->lease(4, 1)), memory);
  complete(2);
  EXPECT_EQ(memory_of(pool_->lease(4, 1)), memory) << "but for nothing committed since";
  EXPECT_GT(later, manager_.completed());
}

TEST_P(MoEBufferPoolTest, AMovedLeaseIsReleasedOnce) {
  MoEBufferPool::Lease first = pool_->lease(4, 1);
  const Buffer* const memory = memory_of(first);
  MoEBufferPool::Lease second = std::move(first);
  EXPECT_EQ(memory_of(second), memory);
  EXPECT_NE(memory_of(pool_->lease(4, 1)), memory);
  MoEBufferPool::Lease third;
  third = std::move(second);
  EXPECT_NE(memory_of(pool_->lease(4, 1)), memory);
  third = pool_->lease(4, 1);  // which gives back what it held
  EXPECT_NE(memory_of(third), memory);
  EXPECT_EQ(memory_of(pool_->lease(4, 1)), memory);
}

TEST_P(MoEBufferPoolTest, RefusesMisuse) {
  const auto code = [](const auto& action) { return test::error_of(action).code(); };
  EXPECT_EQ(code([&] { static_cast<void>(pool_->lease(0, 0)); }), ErrorCode::kInternal);
  EXPECT_EQ(code([&] { static_cast<void>(pool_->lease(-1, 0)); }), ErrorCode::kInternal);
  EXPECT_EQ(code([&] { static_cast<void>(pool_->lease(1, -1)); }), ErrorCode::kInternal);
  EXPECT_EQ(code([&] { static_cast<void>(pool_->lease(1, 2)); }), ErrorCode::kInternal);
  MoEBufferPool::Lease lease = pool_->lease(1, 1);
  EXPECT_EQ(code([&] { lease.release_after(1); }), ErrorCode::kInternal) << "never committed";
  lease.release_after(0);
  EXPECT_EQ(code([&] { lease.release_after(0); }), ErrorCode::kInternal) << "twice";
}

TEST_P(MoEBufferPoolTest, RefusesWhatTheBudgetHasNoRoomFor) {
  const std::size_t in_use = kNeeds.tier_bytes(4, 1);
  const std::size_t wanted = kNeeds.tier_bytes(8, 1);
  make_pool({.budget_bytes = in_use + wanted - 1});
  const MoEBufferPool::Lease held = pool_->lease(4, 1);
  const Error error = test::error_of([&] { static_cast<void>(pool_->lease(5, 1)); });
  EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
  for (const std::size_t number : {in_use, wanted, in_use + wanted - 1}) {
    EXPECT_NE(std::string(error.what()).find(std::to_string(number)), std::string::npos) << error.what();
  }
  EXPECT_EQ(statistics().bytes_live, in_use) << "a refusal takes nothing";
  EXPECT_NO_THROW(static_cast<void>(pool_->lease(1, 1))) << "what fits is still given";
}

TEST_P(MoEBufferPoolTest, ABudgetMayBeUsedToTheLastByte) {
  make_pool({.budget_bytes = kNeeds.tier_bytes(4, 1) + kNeeds.tier_bytes(8, 1)});
  const MoEBufferPool::Lease first = pool_->lease(4, 1);
  const MoEBufferPool::Lease second = pool_->lease(8, 1);
  EXPECT_EQ(statistics().bytes_live, kNeeds.tier_bytes(4, 1) + kNeeds.tier_bytes(8, 1));
}

TEST_P(MoEBufferPoolTest, UnusedTiersMakeRoomBeforeAnythingIsRefused) {
  make_pool({.budget_bytes = kNeeds.tier_bytes(16, 1)});
  for (const std::int64_t rows : {1, 2, 4}) static_cast<void>(pool_->lease(rows, 1));
  std::optional<MoEBufferPool::Lease> large;
  EXPECT_NO_THROW(large = pool_->lease(16, 1));
  EXPECT_EQ(statistics().bytes_live, kNeeds.tier_bytes(16, 1));
  EXPECT_EQ(test::error_of([&] { static_cast<void>(pool_->lease(1, 1)); }).code(), ErrorCode::kOutOfMemory);
  large.reset();
  EXPECT_NO_THROW(static_cast<void>(pool_->lease(1, 1)));
}

TEST_P(MoEBufferPoolTest, WhatABatchStillUsesMakesNoRoom) {
  make_pool({.budget_bytes = kNeeds.tier_bytes(16, 1)});
  MoEBufferPool::Lease small = pool_->lease(1, 1);
  const BatchId batch = commit();
  small.release_after(batch);
  EXPECT_EQ(test::error_of([&] { static_cast<void>(pool_->lease(16, 1)); }).code(), ErrorCode::kOutOfMemory);
  complete(batch);
  EXPECT_NO_THROW(static_cast<void>(pool_->lease(16, 1)));
}

TEST_P(MoEBufferPoolTest, StatisticsCountBytes) {
  const std::size_t four = kNeeds.tier_bytes(4, 1);
  const std::size_t eight = kNeeds.tier_bytes(8, 1);
  EXPECT_EQ(statistics().bytes_live, 0U);
  static_cast<void>(pool_->lease(4, 1));
  EXPECT_EQ(statistics().bytes_live, four) << "allocated, leased or not";
  static_cast<void>(pool_->lease(8, 1));
  EXPECT_EQ(statistics().bytes_live, four + eight);
  EXPECT_EQ(statistics().bytes_peak, four + eight);

  make_pool({.budget_bytes = eight});
  static_cast<void>(pool_->lease(8, 1));
  static_cast<void>(pool_->lease(4, 1));
  EXPECT_EQ(statistics().bytes_live, four) << "the other had to go";
  EXPECT_EQ(statistics().bytes_peak, eight);
}

TEST_P(MoEBufferPoolTest, TheForwardBudgetIsTwoOfEveryTier) {
  for (const std::int64_t max_rows : {1, 2, 3, 64, 100, 512}) {
    for (const std::int64_t max_logit_rows : {0, 1, 3, 64, 512}) {
      std::size_t bytes = 0;
      for (std::int64_t rows = 1;; rows *= 2) {
        bytes += 2 * kNeeds.tier_bytes(rows, std::min(rows, max_logit_rows));
        if (rows >= max_rows) break;
      }
      EXPECT_EQ(kNeeds.forward_budget(max_rows, max_logit_rows), bytes) << max_rows << ", " << max_logit_rows;
    }
  }
}

TEST_P(MoEBufferPoolTest, TheForwardBudgetHoldsTwoOfEveryTier) {
  make_pool({.budget_bytes = kNeeds.forward_budget(100, 5)});
  std::vector<MoEBufferPool::Lease> leases;
  for (const std::int64_t rows : {100, 64, 32, 16, 8, 4, 2, 1}) {
    for (int i = 0; i < 2; ++i) {
      EXPECT_NO_THROW(leases.push_back(pool_->lease(rows, std::min<std::int64_t>(rows, 5)))) << rows;
    }
  }
  EXPECT_EQ(statistics().bytes_live, kNeeds.forward_budget(100, 5));
}

TEST_P(MoEBufferPoolTest, WithoutReuseEveryLeaseAllocatesAndFrees) {
  make_pool({.budget_bytes = kPlenty, .reuse = false});
  const std::uint64_t before = device().n_allocations();
  for (int i = 0; i < 10; ++i) static_cast<void>(pool_->lease(4, 1));
  EXPECT_EQ(device().n_allocations() - before, 20U);
  EXPECT_EQ(statistics().misses, 10U);
  EXPECT_EQ(statistics().hits, 0U);
  EXPECT_EQ(statistics().bytes_peak, kNeeds.tier_bytes(4, 1));

  MoEBufferPool::Lease lease = pool_->lease(4, 1);
  const BatchId batch = commit();
  lease.release_after(batch);
  const MoEBufferPool::Lease other = pool_->lease(4, 1);
  EXPECT_EQ(statistics().bytes_live, 2 * kNeeds.tier_bytes(4, 1)) << "not while the batch uses it";
}

/// Random leases, releases, commits and completions, and what must then hold.
class PoolFuzz : public PoolOnDevice, public ::testing::WithParamInterface<std::tuple<std::string, unsigned, bool>> {
 protected:
  PoolFuzz() : PoolOnDevice(std::get<0>(GetParam())) {}

  struct Held {
    MoEBufferPool::Lease lease;
    BufferView memory;       // all of it but the inputs
    std::size_t bytes = 0;   // with them
    BatchId free_after = 0;  // once released
  };

  void SetUp() override {
    make_pool({.budget_bytes = budget_, .reuse = std::get<2>(GetParam())});
    random_.seed(std::get<1>(GetParam()));
  }

  std::int64_t below(std::size_t n) {
    return static_cast<std::int64_t>(std::uniform_int_distribution<std::size_t>(0, n - 1)(random_));
  }

  void take() {
    const std::int64_t rows = 1 + below(40);
    const std::int64_t logit_rows = below(static_cast<std::size_t>(rows) + 1);
    std::size_t in_use = 0;
    for (const auto* held : {&live_, &released_}) {
      for (const Held& each : *held) in_use += each.bytes;
    }
    const bool fits = in_use + kNeeds.tier_bytes(rows, logit_rows) <= budget_;
    try {
      MoEBufferPool::Lease lease = pool_->lease(rows, logit_rows);
      ASSERT_TRUE(fits);
      const BufferView memory{lease.buffers().x.buffer, 0, lease.buffers().x.buffer->size_bytes()};
      for (const auto* held : {&live_, &released_}) {
        for (const Held& each : *held) ASSERT_FALSE(overlap(memory, each.memory)) << "aliases memory in use";
      }
      for (const BufferView& view : views_of(lease.buffers())) {
        ASSERT_LE(view.offset + view.bytes, view.buffer->size_bytes());
      }
      const std::size_t bytes = bytes_of(lease);
      live_.push_back({std::move(lease), memory, bytes});
      ++n_taken_;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
      ASSERT_FALSE(fits) << error.what();
      ++n_refused_;
    }
  }

  void release() {
    if (live_.empty()) return;
    std::swap(live_[static_cast<std::size_t>(below(live_.size()))], live_.back());
    Held held = std::move(live_.back());
    live_.pop_back();
    if (below(3) == 0) {
      held.free_after = manager_.committed();
      held.lease = {};  // dropped
    } else {
      held.free_after = static_cast<BatchId>(below(manager_.committed() + 1));
      held.lease.release_after(held.free_after);
    }
    released_.push_back(std::move(held));
    forget_ended();
  }

  void complete_next() {
    if (manager_.completed() == manager_.committed()) return;
    complete(manager_.completed() + 1);
    forget_ended();
  }

  void forget_ended() {
    std::erase_if(released_, [&](const Held& held) { return held.free_after <= manager_.completed(); });
  }

  std::size_t budget_ = kNeeds.forward_budget(16, 4);
  std::mt19937 random_;
  std::vector<Held> live_;
  std::vector<Held> released_;  // whose batch has not ended
  int n_taken_ = 0;
  int n_refused_ = 0;
};

TEST_P(PoolFuzz, NoMemoryIsHandedOutTwiceAndTheBudgetHolds) {
  for (int step = 0; step < 4000; ++step) {
    const std::int64_t what = below(10);
    if (what < 4) {
      take();
    } else if (what < 7) {
      release();
    } else if (what < 9) {
      if (manager_.committed() - manager_.completed() < 8) commit();
    } else {
      complete_next();
    }
    if (below(3) == 0) complete_next();
    ASSERT_FALSE(HasFatalFailure()) << "step " << step;
    ASSERT_LE(statistics().bytes_live, statistics().bytes_peak);
    ASSERT_LE(statistics().bytes_peak, budget_) << "step " << step;
  }
  EXPECT_GT(n_taken_, 200);
  EXPECT_GT(n_refused_, 10) << "a weak test: the budget is never felt";
}

std::string fuzz_name(const ::testing::TestParamInfo<PoolFuzz::ParamType>& info) {
  const auto& [backend, seed, reuse] = info.param;
  return backend + "_" + std::to_string(seed) + (reuse ? "" : "_no_reuse");
}

INSTANTIATE_TEST_SUITE_P(Seeds, PoolFuzz,
                         ::testing::Combine(::testing::ValuesIn(test::stand_in_backends()),
                                            ::testing::Values(1U, 2U, 3U, 4U), ::testing::Bool()),
                         fuzz_name);

}  // namespace
}  // namespace marlin
