// SPDX-License-Identifier: Apache-2.0
// The life of a batch: states, how many are with the device, order of callbacks, failures and what follows them.
#include "runtime/async_command_buffer_manager.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/runtime/runtime_test.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class Manager : public test::RuntimeTest {};

TEST_F(Manager, ABatchGoesFromEncodingToCompleted) {
  create({.fault = test::fault_at(0, SimulatedFault::kHang)});
  EXPECT_EQ(manager().state(1), BatchState::kIdle);
  begin();
  EXPECT_EQ(manager().state(1), BatchState::kEncoding);
  const BatchId id = manager().commit();
  EXPECT_EQ(id, 1U);
  EXPECT_EQ(manager().state(1), BatchState::kCommitted);
  EXPECT_EQ(manager().completed(), 0U);
  gate().open();
  manager().wait(id);
  EXPECT_EQ(manager().state(1), BatchState::kCompleted);
  EXPECT_EQ(manager().completed(), 1U);
}

TEST_F(Manager, CommitAndWaitIsBoth) {
  create({});
  begin();
  manager().commit_and_wait();
  EXPECT_EQ(manager().completed(), 1U);
  EXPECT_EQ(instruments().counters().waits, 1U);
}

TEST_F(Manager, OneBatchIsOpenAtATime) {
  create({});
  EXPECT_EQ(test::error_of([&] { manager().commit(); }).code(), ErrorCode::kInternal);
  begin();
  EXPECT_EQ(test::error_of([&] { begin(); }).code(), ErrorCode::kInternal);
  manager().discard();
  manager().discard();  // nothing is open
  EXPECT_EQ(manager().state(1), BatchState::kIdle);
  EXPECT_EQ(commit_one(), 1U) << "a discarded batch leaves no gap";
  manager().wait(1);
  EXPECT_EQ(instruments().counters().commits, 1U);
}

// The device is held up: what does not fit in flight waits in the manager, and commit() returns all the same.
TEST_F(Manager, AtMostMaxInFlightAreWithTheDevice) {
  for (const int max_in_flight : {1, 2, 3, 7}) {
    SCOPED_TRACE(max_in_flight);
    auto held = std::make_shared<SimulationGate>();
    auto device =
        create_simulated_device({.n_threads = 1}, {.fault = test::fault_at(0, SimulatedFault::kHang), .gate = held});
    Instruments instruments(nullptr);
    AsyncCommandBufferManager manager(*device, {.max_in_flight = max_in_flight}, instruments);
    instruments.timeline().record(true);
    for (int i = 0; i < 20; ++i) {
      manager.begin({}, "empty", Clock::now());
      manager.commit();
    }
    EXPECT_EQ(manager.completed(), 0U);
    held->open();
    manager.wait(20);
    // a batch is submitted only when the one max_in_flight before it has ended
    const std::vector<Timeline::Entry> entries = instruments.timeline().take();
    ASSERT_EQ(entries.size(), 20U);
    for (std::size_t i = static_cast<std::size_t>(max_in_flight); i < entries.size(); ++i) {
      EXPECT_GE(entries[i].times.submitted, entries[i - static_cast<std::size_t>(max_in_flight)].times.ended);
    }
    EXPECT_LT(entries[static_cast<std::size_t>(max_in_flight) - 1].times.submitted, entries[0].times.ended);
  }
}

TEST_F(Manager, RefusesToHaveNothingInFlight) {
  Instruments instruments(nullptr);
  const auto device = create_simulated_device({.n_threads = 1}, {});
  EXPECT_EQ(test::error_of([&] { AsyncCommandBufferManager(*device, {.max_in_flight = 0}, instruments); }).code(),
            ErrorCode::kInvalidArgument);
}

TEST_F(Manager, CallbacksRunOnceInCommitOrder) {
  constexpr BatchId kBatches = 100;
  create({.fault = test::fault_at(0, SimulatedFault::kHang)});
  std::vector<BatchId> order;  // written by the device thread until the last has completed
  for (BatchId i = 1; i <= kBatches; ++i) {
    commit_one();
    manager().on_completed(i, [&](BatchId id, const std::optional<Error>& error) {
      EXPECT_FALSE(error.has_value());
      order.push_back(id);
    });
  }
  gate().open();
  manager().wait(kBatches);
  std::vector<BatchId> expected(kBatches);
  std::iota(expected.begin(), expected.end(), 1);
  EXPECT_EQ(order, expected);
}

TEST_F(Manager, ACallbackRegisteredAfterTheEndRunsAtOnce) {
  create({});
  const BatchId id = commit_one();
  manager().wait(id);
  int calls = 0;
  manager().on_completed(id, [&](BatchId, const std::optional<Error>& error) {
    EXPECT_FALSE(error.has_value());
    ++calls;
  });
  EXPECT_EQ(calls, 1);
}

// Batch 2 of 6 fails: it and all behind it end with an error that names it, in order; before recover() nothing more
// runs.
TEST_F(Manager, AFailureEndsWhatMayBuildOnIt) {
  create({.fault = [](std::uint64_t n, std::string_view) {
    return n == 0 ? SimulatedFault::kHang : n == 1 ? SimulatedFault::kFail : SimulatedFault::kNone;
  }});
  std::vector<std::pair<BatchId, bool>> ended;
  for (BatchId i = 1; i <= 6; ++i) {
    commit_one(fmt::format("layers {}-{}", 8 * i - 8, 8 * i - 1));
    manager().on_completed(
        i, [&](BatchId id, const std::optional<Error>& error) { ended.emplace_back(id, error.has_value()); });
  }
  gate().open();
  EXPECT_NO_THROW(manager().wait(1));
  for (const BatchId id : {BatchId{2}, BatchId{3}, BatchId{6}}) {
    const Error error = test::error_of([&] { manager().wait(id); });
    EXPECT_EQ(error.code(), ErrorCode::kDevice);
    for (const char* part : {"batch 2", "layers 8-15", "simulated failure"}) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
    EXPECT_EQ(manager().state(id), BatchState::kFailed);
  }
  const std::vector<std::pair<BatchId, bool>> expected = {{1, false}, {2, true}, {3, true},
                                                          {4, true},  {5, true}, {6, true}};
  EXPECT_EQ(ended, expected);

  const BatchId after = commit_one();
  EXPECT_EQ(test::error_of([&] { manager().wait(after); }).code(), ErrorCode::kDevice) << "not before recover()";
  bool told = false;
  manager().on_completed(after, [&](BatchId, const std::optional<Error>& error) { told = error.has_value(); });
  EXPECT_TRUE(told);
  manager().recover();
  const BatchId next = commit_one();
  EXPECT_NO_THROW(manager().wait(next));
  EXPECT_EQ(manager().state(next), BatchState::kCompleted);
}

// Batch 1 fails, 2 waits in the manager. While the device thread runs the callback of 2, the host commits 3: nothing
// may overtake that callback.
TEST_F(Manager, ACommitWhileTheLastWaitingBatchFailsComesAfterIt) {
  Fence all_committed;
  Fence in_callback;
  Fence leave;
  create({.fault =
              [&](std::uint64_t, std::string_view) {
                static_cast<void>(all_committed.wait(1));
                return SimulatedFault::kFail;
              }},
         {.max_in_flight = 1});
  commit_one();
  const BatchId second = commit_one();
  manager().on_completed(second, [&](BatchId, const std::optional<Error>&) {
    in_callback.signal(1);
    static_cast<void>(leave.wait(1));
  });
  all_committed.signal(1);
  static_cast<void>(in_callback.wait(1));
  const BatchId third = commit_one();
  EXPECT_LT(manager().completed(), second);
  EXPECT_EQ(manager().state(second), BatchState::kFailed);
  leave.signal(1);
  EXPECT_EQ(test::error_of([&] { manager().wait(third); }).code(), ErrorCode::kDevice);
  manager().recover();
}

TEST_F(Manager, AHangBecomesAnErrorAndLaterWorkRuns) {
  create({.fault = test::fault_at(0, SimulatedFault::kHang)}, {.device_timeout = std::chrono::milliseconds(20)});
  const BatchId id = commit_one();
  const Error error = test::error_of([&] { manager().wait(id); });
  EXPECT_EQ(error.code(), ErrorCode::kDevice);
  EXPECT_NE(std::string(error.what()).find("batch 1"), std::string::npos) << error.what();
  gate().open();
  manager().recover();
  const BatchId next = commit_one();
  EXPECT_NO_THROW(manager().wait(next));
}

TEST_F(Manager, ALateOneIsWaitedFor) {
  create({.late_by = std::chrono::milliseconds(30), .fault = test::fault_at(1, SimulatedFault::kLate)});
  instruments().timeline().record(true);
  commit_one();
  commit_one();
  manager().wait(commit_one());
  const auto entries = instruments().timeline().take();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_GE(entries[1].times.ended - entries[1].times.began, std::chrono::milliseconds(30));
  EXPECT_GE(entries[2].times.began, entries[1].times.ended);
}

TEST_F(Manager, CountsWhatItDoes) {
  create({});
  for (int i = 0; i < 5; ++i) commit_one();
  manager().wait(5);
  const Counters counters = instruments().counters();
  EXPECT_EQ(counters.commits, 5U);
  EXPECT_EQ(counters.dispatches, 5U);
  EXPECT_EQ(counters.waits, 1U);
  EXPECT_GT(counters.device_seconds, 0);
  EXPECT_GT(counters.encode_seconds, 0);
  EXPECT_GE(counters.encode_seconds, counters.overlap_seconds);
}

// The wait before a host read cannot be left out unnoticed.
TEST_F(Manager, ReadingWithoutWaitingIsCaught) {
  create({.fault = test::fault_at(0, SimulatedFault::kHang)});
  const auto source = device().allocate(64, "source");
  const auto logits = device().allocate(64, "logits");
  const BufferView view{logits.get(), 0, 64};
  CommandBuffer& commands = manager().begin({}, "layers 36-46", Clock::now());
  ops::copy(commands, {source.get(), 0, 64}, view);
  const BatchId id = manager().commit();
  const Error error = test::error_of([&] { static_cast<void>(view.host_read<float>()); });
  EXPECT_EQ(error.code(), ErrorCode::kInternal);
  for (const char* part : {"host reads", "logits", "copy_f32", "layers 36-46"}) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
  gate().open();
  manager().wait(id);
  EXPECT_NO_THROW(static_cast<void>(view.host_read<float>()));
}

TEST_F(Manager, ReadingWhatStillWaitsForTheDeviceIsCaught) {
  create({.fault = test::fault_at(0, SimulatedFault::kHang)}, {.max_in_flight = 1});
  commit_one();
  const auto source = device().allocate(64, "source");
  const auto logits = device().allocate(64, "logits");
  const BufferView view{logits.get(), 0, 64};
  ops::copy(manager().begin({}, "layers 36-46", Clock::now()), {source.get(), 0, 64}, view);
  const BatchId id = manager().commit();
  EXPECT_EQ(test::error_of([&] { static_cast<void>(view.host_read<float>()); }).code(), ErrorCode::kInternal);
  gate().open();
  manager().wait(id);
  EXPECT_NO_THROW(static_cast<void>(view.host_read<float>()));
}

}  // namespace
}  // namespace marlin
