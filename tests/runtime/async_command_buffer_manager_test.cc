// SPDX-License-Identifier: Apache-2.0
// The life of a batch: states, how many are with the device, order of callbacks, failures and what follows them.
#include "runtime/async_command_buffer_manager.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/runtime/runtime_test.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

using test::Fate;

class Manager : public test::RuntimeTest {};
MARLIN_ON_EVERY_STAND_IN(Manager);

TEST_P(Manager, ABatchGoesFromEncodingToCompleted) {
  create({.fates = {{0, Fate::kHangs}}});
  EXPECT_EQ(manager().state(1), BatchState::kIdle);
  begin();
  EXPECT_EQ(manager().state(1), BatchState::kEncoding);
  const BatchId id = manager().commit();
  EXPECT_EQ(id, 1U);
  EXPECT_EQ(manager().state(1), BatchState::kCommitted);
  EXPECT_EQ(manager().completed(), 0U);
  stand_in().open();
  manager().wait(id);
  EXPECT_EQ(manager().state(1), BatchState::kCompleted);
  EXPECT_EQ(manager().completed(), 1U);
}

TEST_P(Manager, CommitAndWaitIsBoth) {
  create({});
  begin();
  manager().commit_and_wait();
  EXPECT_EQ(manager().completed(), 1U);
  EXPECT_EQ(instruments().counters().waits, 1U);
}

TEST_P(Manager, OneBatchIsOpenAtATime) {
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
TEST_P(Manager, AtMostMaxInFlightAreWithTheDevice) {
  for (const int max_in_flight : {1, 2, 3, 7}) {
    SCOPED_TRACE(max_in_flight);
    const auto held = test::create_stand_in(GetParam(), {.n_threads = 1}, {.fates = {{0, Fate::kHangs}}});
    Instruments instruments(nullptr);
    AsyncCommandBufferManager manager(held->device(), {.max_in_flight = max_in_flight}, instruments);
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

TEST_P(Manager, RefusesToHaveNothingInFlight) {
  Instruments instruments(nullptr);
  create({});
  EXPECT_EQ(test::error_of([&] { AsyncCommandBufferManager(device(), {.max_in_flight = 0}, instruments); }).code(),
            ErrorCode::kInvalidArgument);
}

TEST_P(Manager, CallbacksRunOnceInCommitOrder) {
  constexpr BatchId kBatches = 100;
  create({.fates = {{0, Fate::kHangs}}});
  std::vector<BatchId> order;  // written by the device thread until the last has completed
  for (BatchId i = 1; i <= kBatches; ++i) {
    commit_one();
    manager().on_completed(i, [&](BatchId id, const std::optional<Error>& error) {
      EXPECT_FALSE(error.has_value());
      order.push_back(id);
    });
  }
  stand_in().open();
  manager().wait(kBatches);
  std::vector<BatchId> expected(kBatches);
  std::iota(expected.begin(), expected.end(), 1);
  EXPECT_EQ(order, expected);
}

TEST_P(Manager, ACallbackRegisteredAfterTheEndRunsAtOnce) {
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
TEST_P(Manager, AFailureEndsWhatMayBuildOnIt) {
  create({.fates = {{0, Fate::kHangs}, {1, Fate::kFails}}});
  std::vector<std::pair<BatchId, bool>> ended;
  for (BatchId i = 1; i <= 6; ++i) {
    commit_one(fmt::format("layers {}-{}", 8 * i - 8, 8 * i - 1));
    manager().on_completed(
        i, [&](BatchId id, const std::optional<Error>& error) { ended.emplace_back(id, error.has_value()); });
  }
  stand_in().open();
  EXPECT_NO_THROW(manager().wait(1));
  for (const BatchId id : {BatchId{2}, BatchId{3}, BatchId{6}}) {
    const Error error = test::error_of([&] { manager().wait(id); });
    EXPECT_EQ(error.code(), ErrorCode::kDevice);
    for (const std::string& part : std::vector<std::string>{"batch 2", "layers 8-15", stand_in().failure()}) {
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

// Batch 1 fails, held up by a command buffer in front of it; 2 waits in the manager. While the device thread runs the
// callback of 2, the host commits 3: nothing may overtake that callback.
TEST_P(Manager, ACommitWhileTheLastWaitingBatchFailsComesAfterIt) {
  Fence in_callback;
  Fence leave;
  create({.fates = {{0, Fate::kHangs}, {1, Fate::kFails}}}, {.max_in_flight = 1});
  device().create_command_buffer("in front")->commit();
  commit_one();
  const BatchId second = commit_one();
  manager().on_completed(second, [&](BatchId, const std::optional<Error>&) {
    in_callback.signal(1);
    static_cast<void>(leave.wait(1));
  });
  stand_in().open();
  static_cast<void>(in_callback.wait(1));
  const BatchId third = commit_one();
  EXPECT_LT(manager().completed(), second);
  EXPECT_EQ(manager().state(second), BatchState::kFailed);
  leave.signal(1);
  EXPECT_EQ(test::error_of([&] { manager().wait(third); }).code(), ErrorCode::kDevice);
  manager().recover();
}

TEST_P(Manager, AHangBecomesAnErrorAndLaterWorkRuns) {
  // long enough for what does not hang, also on a busy machine
  create({.fates = {{0, Fate::kHangs}}}, {.device_timeout = std::chrono::milliseconds(200)});
  const BatchId id = commit_one();
  const Error error = test::error_of([&] { manager().wait(id); });
  EXPECT_EQ(error.code(), ErrorCode::kDevice);
  EXPECT_NE(std::string(error.what()).find("batch 1"), std::string::npos) << error.what();
  stand_in().open();
  manager().recover();
  const BatchId next = commit_one();
  EXPECT_NO_THROW(manager().wait(next));
}

TEST_P(Manager, ALateOneIsWaitedFor) {
  create({.fates = {{1, Fate::kIsLate}}, .late_by = std::chrono::milliseconds(30)});
  instruments().timeline().record(true);
  commit_one();
  commit_one();
  manager().wait(commit_one());
  const auto entries = instruments().timeline().take();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_GE(entries[1].times.ended - entries[1].times.began, std::chrono::milliseconds(30));
  EXPECT_GE(entries[2].times.began, entries[1].times.ended);
}

TEST_P(Manager, CountsWhatItDoes) {
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
TEST_P(Manager, ReadingWithoutWaitingIsCaught) {
  create({.fates = {{0, Fate::kHangs}}});
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
  stand_in().open();
  manager().wait(id);
  EXPECT_NO_THROW(static_cast<void>(view.host_read<float>()));
}

TEST_P(Manager, ReadingWhatStillWaitsForTheDeviceIsCaught) {
  create({.fates = {{0, Fate::kHangs}}}, {.max_in_flight = 1});
  commit_one();
  const auto source = device().allocate(64, "source");
  const auto logits = device().allocate(64, "logits");
  const BufferView view{logits.get(), 0, 64};
  ops::copy(manager().begin({}, "layers 36-46", Clock::now()), {source.get(), 0, 64}, view);
  const BatchId id = manager().commit();
  EXPECT_EQ(test::error_of([&] { static_cast<void>(view.host_read<float>()); }).code(), ErrorCode::kInternal);
  stand_in().open();
  manager().wait(id);
  EXPECT_NO_THROW(static_cast<void>(view.host_read<float>()));
}

}  // namespace
}  // namespace marlin
