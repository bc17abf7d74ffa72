// SPDX-License-Identifier: Apache-2.0
// A command buffer used again and again: what reset() forgets, what it refuses, and that it costs no memory.
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "tests/device/device_test.h"
#include "tests/support/allocation_count.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class CommandBufferReuse : public test::DeviceTest {
 protected:
  static std::vector<float> counted(float first, std::size_t n) {
    std::vector<float> values(n);
    std::iota(values.begin(), values.end(), first);
    return values;
  }
};
MARLIN_ON_EVERY_DEVICE(CommandBufferReuse);

TEST_P(CommandBufferReuse, AfterCompletionItIsNewUnderAnotherName) {
  const auto a = floats(counted(1, 1000));
  const auto b = device().allocate(a->size_bytes(), "b");
  const auto c = device().allocate(a->size_bytes(), "c");
  const auto used = commands("first");
  ops::copy(*used, whole(a), whole(b));
  EXPECT_EQ(used->n_dispatches(), 1U);
  used->commit();
  used->wait();
  std::fill_n(b->host(), b->size_bytes(), std::byte{0});

  used->reset("second");
  EXPECT_EQ(used->label(), "second");
  EXPECT_EQ(used->status(), CommandStatus::kEncoding);
  EXPECT_EQ(used->n_dispatches(), 0U);
  EXPECT_EQ(test::error_of([&] { used->wait(); }).code(), ErrorCode::kInternal) << "it has not been committed again";
  ops::copy(*used, whole(a), whole(c));
  EXPECT_EQ(used->n_dispatches(), 1U);
  used->commit();
  used->wait();
  EXPECT_EQ(used->status(), CommandStatus::kCompleted);
  EXPECT_EQ(values(c), counted(1, 1000));
  EXPECT_EQ(values(b), std::vector<float>(1000)) << "what the first use recorded ran again";
}

TEST_P(CommandBufferReuse, AfterFailureItIsNewAndTheErrorForgotten) {
  const auto a = floats(counted(1, 1000));
  const auto b = device().allocate(a->size_bytes(), "b");
  const auto used = commands("failing");
  record_failure(*used);
  used->commit();
  EXPECT_THROW(used->wait(), Error);
  EXPECT_EQ(used->status(), CommandStatus::kFailed);

  used->reset("second try");
  EXPECT_EQ(used->status(), CommandStatus::kEncoding);
  ops::copy(*used, whole(a), whole(b));
  bool heard_error = true;
  used->on_completed([&](const std::optional<Error>& error) { heard_error = error.has_value(); });
  used->commit();
  EXPECT_NO_THROW(used->wait());
  EXPECT_EQ(used->status(), CommandStatus::kCompleted);
  EXPECT_FALSE(heard_error);
  EXPECT_EQ(values(b), counted(1, 1000));
}

TEST_P(CommandBufferReuse, AFailureNamesTheLabelOfItsUse) {
  const auto used = commands("the first label");
  used->commit();
  used->wait();
  used->reset("the second label");
  record_failure(*used);
  used->commit();
  const std::string message = test::error_of([&] { used->wait(); }).what();
  EXPECT_NE(message.find("the second label"), std::string::npos) << message;
}

TEST_P(CommandBufferReuse, ItMayFailAgainAndAgain) {
  const auto used = commands("failing");
  for (int i = 0; i < 20; ++i) {
    record_failure(*used);
    used->commit();
    EXPECT_THROW(used->wait(), Error);
    used->reset("empty");
    used->commit();
    EXPECT_NO_THROW(used->wait());
    used->reset("failing again");
  }
}

TEST_P(CommandBufferReuse, HandlersOfAnEarlierUseAreForgotten) {
  int n_first = 0;
  int n_second = 0;
  const auto used = commands("first");
  used->on_completed([&](const std::optional<Error>&) { ++n_first; });
  used->commit();
  used->wait();
  used->reset("second");
  used->on_completed([&](const std::optional<Error>&) { ++n_second; });
  used->commit();
  used->wait();
  EXPECT_EQ(n_first, 1);
  EXPECT_EQ(n_second, 1);
}

TEST_P(CommandBufferReuse, InsteadOfACommitItDropsWorkAndHandlers) {
  const auto a = floats(counted(1, 1000));
  const auto b = device().allocate(a->size_bytes(), "b");
  bool dropped_ran = false;
  const auto used = commands("dropped");
  ops::copy(*used, whole(a), whole(b));
  used->on_completed([&](const std::optional<Error>&) { dropped_ran = true; });
  used->reset("empty");
  EXPECT_EQ(used->n_dispatches(), 0U);
  used->commit();
  used->wait();
  EXPECT_EQ(used->status(), CommandStatus::kCompleted);
  EXPECT_EQ(values(b), std::vector<float>(1000));
  EXPECT_FALSE(dropped_ran);
}

// The first dispatch of a use must not be ordered behind, nor a later one deprived of a barrier by, what came before.
TEST_P(CommandBufferReuse, DependenciesOfEveryUseAreKept) {
  const auto a = floats(counted(1, 40000));
  const auto b = device().allocate(a->size_bytes(), "b");
  const auto c = device().allocate(a->size_bytes(), "c");
  const auto used = commands("chain");
  for (int use = 0; use < 30; ++use) {
    used->reset("chain");
    std::fill_n(b->host(), b->size_bytes(), std::byte{0});
    std::fill_n(c->host(), c->size_bytes(), std::byte{0});
    ops::copy(*used, whole(a), whole(b));
    ops::copy(*used, whole(b), whole(c));
    used->commit();
    used->wait();
    ASSERT_EQ(values(c), counted(1, 40000)) << "use " << use;
  }
}

TEST_P(CommandBufferReuse, IsRefusedWhileCommitted) {
  test::Gate gate;
  const auto a = floats(counted(1, 1000));
  const auto b = device().allocate(a->size_bytes(), "b");
  const auto held = commands("held up");
  held->on_completed([&](const std::optional<Error>&) { gate.pass(); });
  held->commit();
  const auto behind = commands("behind");
  ops::copy(*behind, whole(a), whole(b));
  behind->commit();
  EXPECT_EQ(test::error_of([&] { behind->reset("too early"); }).code(), ErrorCode::kInternal);
  EXPECT_EQ(behind->label(), "behind");
  EXPECT_EQ(behind->status(), CommandStatus::kCommitted);
  gate.open();
  behind->wait();
  EXPECT_EQ(values(b), counted(1, 1000)) << "the refusal dropped the work";
  EXPECT_NO_THROW(behind->reset("now"));
  end_device();  // no handler is left that could touch the gate
}

// How a scheduler keeps a device busy with few command buffers.
TEST_P(CommandBufferReuse, AHandlerMayResetAndCommitAnew) {
  test::Gate gate;
  const auto a = floats(counted(1, 100));
  const auto b = device().allocate(a->size_bytes(), "b");
  const auto used = commands("round 0");
  int rounds = 0;  // only the device touches it until the gate opens
  CommandBuffer::Handler again = [&](const std::optional<Error>& error) {
    EXPECT_FALSE(error.has_value());
    if (++rounds == 20) {
      gate.open();
      return;
    }
    used->reset("another round");
    ops::copy(*used, whole(a), whole(b));
    used->on_completed(again);
    used->commit();
  };
  used->on_completed(again);
  used->commit();
  gate.pass();
  end_device();
  EXPECT_EQ(rounds, 20);
  EXPECT_EQ(values(b), counted(1, 100));
}

TEST_P(CommandBufferReuse, EveryHandlerHearsOfTheFailureThoughTheFirstResets) {
  const auto used = commands("the culprit");
  record_failure(*used);
  std::vector<std::string> heard;
  for (int i = 0; i < 2; ++i) {
    used->on_completed([&, i](const std::optional<Error>& error) {
      if (i == 0) used->reset("anew");
      heard.emplace_back(error ? error->what() : "nothing");
    });
  }
  used->commit();
  end_device();
  ASSERT_EQ(heard.size(), 2U);
  for (const std::string& text : heard) EXPECT_NE(text.find("the culprit"), std::string::npos) << text;
}

TEST_P(CommandBufferReuse, AllocatesNothingAfterTheFirstFew) {
  // Checking hazards takes notes.
  const auto unchecked = create_device(GetParam().backend, {.n_threads = GetParam().n_threads, .check_hazards = false});
  const std::size_t bytes = (GetParam().backend == "cpu" ? 40000 : 400) * sizeof(float);  // several items on the cpu
  const auto a = unchecked->allocate(bytes, "a");
  const auto b = unchecked->allocate(bytes, "b");
  const auto used = unchecked->create_command_buffer("a label that is too long for a short string");
  int n_heard = 0;
  long before = 0;
  for (int use = 0; use < 200; ++use) {
    if (use == 4) before = test::allocation_count();
    used->reset("a label that is too long for a short string");
    for (int i = 0; i < 30; ++i) {
      ops::copy(*used, whole(a), whole(b));
      ops::copy(*used, whole(b), whole(a));
    }
    used->on_completed([&n_heard](const std::optional<Error>&) { ++n_heard; });
    used->commit();
    used->wait();
  }
  EXPECT_EQ(test::allocation_count(), before);
  EXPECT_EQ(n_heard, 200);
}

// What does not depend on each other may overlap; what depends on all of it comes after all of it.
TEST_P(CommandBufferReuse, IndependentDispatchesGiveRightResults) {
  constexpr std::size_t kParts = 40;
  constexpr std::size_t kFloats = 20000;
  std::vector<std::unique_ptr<Buffer>> sources;
  std::vector<std::unique_ptr<Buffer>> middles;
  for (std::size_t part = 0; part < kParts; ++part) {
    sources.push_back(floats(counted(static_cast<float>(part * kFloats), kFloats)));
    middles.push_back(device().allocate(kFloats * sizeof(float), "middle"));
  }
  const auto gathered = device().allocate(kParts * kFloats * sizeof(float), "gathered");
  const auto last = device().allocate(gathered->size_bytes(), "last");
  const auto used = commands("fan");
  for (int use = 0; use < 5; ++use) {
    used->reset("fan");
    for (const auto& middle : middles) std::fill_n(middle->host(), middle->size_bytes(), std::byte{0});
    for (const auto& each : {&gathered, &last}) std::fill_n((*each)->host(), (*each)->size_bytes(), std::byte{0});
    for (std::size_t part = 0; part < kParts; ++part) ops::copy(*used, whole(sources[part]), whole(middles[part]));
    for (std::size_t part = 0; part < kParts; ++part) {
      const std::size_t bytes = kFloats * sizeof(float);
      ops::copy(*used, whole(middles[part]), {gathered.get(), part * bytes, bytes});
    }
    ops::copy(*used, whole(gathered), whole(last));
    used->commit();
    used->wait();
    ASSERT_EQ(values(last), counted(0, kParts * kFloats)) << "use " << use;
  }
}

TEST_P(CommandBufferReuse, TimesAreInOrder) {
  const auto a = floats(counted(1, 40000));
  const auto b = device().allocate(a->size_bytes(), "b");
  const auto before = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<CommandBuffer>> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(commands("timed"));
    ops::copy(*all.back(), whole(a), whole(b));
    all.back()->commit();
  }
  all.back()->wait();
  const auto after = std::chrono::steady_clock::now();
  auto last_end = before;
  for (const auto& each : all) {
    EXPECT_LE(last_end, each->times().began);
    EXPECT_LE(each->times().began, each->times().ended);
    last_end = each->times().ended;
  }
  EXPECT_LE(last_end, after);

  all.front()->reset("again");
  all.front()->commit();
  all.front()->wait();
  EXPECT_LE(last_end, all.front()->times().began) << "times of an earlier use";
}

// Also of what failed, and of what failed with it and was never begun.
TEST_P(CommandBufferReuse, TimesOfFailuresAreInOrder) {
  test::Gate gate;
  const auto held = commands("held up");
  held->on_completed([&](const std::optional<Error>&) { gate.pass(); });
  const auto failing = commands("failing");
  record_failure(*failing);
  const auto behind = commands("behind");
  for (const auto& each : {held, failing, behind}) each->commit();
  gate.open();
  EXPECT_THROW(behind->wait(), Error);
  end_device();
  EXPECT_LE(held->times().ended, failing->times().began);
  EXPECT_LE(failing->times().began, failing->times().ended);
  EXPECT_LE(failing->times().ended, behind->times().began);
  EXPECT_LE(behind->times().began, behind->times().ended);
}

}  // namespace
}  // namespace marlin
