// SPDX-License-Identifier: Apache-2.0
// What a failing kernel does: it fails its command buffer and those already committed behind it, hangs nobody, and
// later work runs again.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/device/device_test.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class FailureContract : public test::DeviceTest {
 protected:
  /// Commits something that completes only when `gate` opens, so that what follows is committed before it runs.
  void hold_up(test::Gate& gate) {
    const auto held = commands("held up");
    held->on_completed([&gate](const std::optional<Error>&) { gate.pass(); });
    held->commit();
  }

  static Error failure_of(CommandBuffer& target) {
    return test::error_of([&] { target.wait(); });
  }
};
MARLIN_ON_EVERY_DEVICE(FailureContract);

TEST_P(FailureContract, NamesKernelAndCommandBuffer) {
  const auto failing = commands("decode step 12");
  record_failure(*failing);
  failing->commit();
  const Error error = failure_of(*failing);
  EXPECT_EQ(failing->status(), CommandStatus::kFailed);
  EXPECT_EQ(error.code(), ErrorCode::kDevice);
  for (const char* part : {"embed_f32", "decode step 12", "99"}) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
  EXPECT_STREQ(failure_of(*failing).what(), error.what()) << "it sticks";
}

TEST_P(FailureContract, FailsWhatIsCommittedBehindIt) {
  test::Gate gate;
  hold_up(gate);
  const auto source = floats(std::vector<float>(100, 1.0F));
  const auto target = device().allocate(source->size_bytes(), "target");
  const auto before = commands("before");
  ops::copy(*before, whole(source), whole(target));
  before->commit();
  const auto failing = commands("the culprit");
  record_failure(*failing);
  failing->commit();
  std::vector<std::shared_ptr<CommandBuffer>> behind;
  const auto untouched = device().allocate(source->size_bytes(), "untouched");
  for (int i = 0; i < 10; ++i) {
    behind.push_back(commands("behind"));
    ops::copy(*behind.back(), whole(source), whole(untouched));
    behind.back()->commit();
  }
  gate.open();
  before->wait();
  EXPECT_EQ(values(target).back(), 1.0F);
  const Error error = failure_of(*failing);
  for (const auto& each : behind) {
    const Error same = failure_of(*each);
    EXPECT_EQ(same.code(), ErrorCode::kDevice);
    EXPECT_STREQ(same.what(), error.what()) << "the cause, not a consequence";
    EXPECT_EQ(each->status(), CommandStatus::kFailed);
  }
  if (device().info().stops_at_failure) {
    EXPECT_EQ(values(untouched), std::vector<float>(100)) << "dependents must not run";
  }
  end_device();  // no handler is left that could touch the gate
}

TEST_P(FailureContract, LaterWorkStartsAfresh) {
  const auto source = floats(std::vector<float>(100, 1.0F));
  for (int i = 0; i < 20; ++i) {
    const auto target = device().allocate(source->size_bytes(), "target");
    const auto failing = commands("failing");
    record_failure(*failing);
    failing->commit();
    EXPECT_THROW(failing->wait(), Error);
    const auto later = commands("later");
    ops::copy(*later, whole(source), whole(target));
    later->commit();
    later->wait();
    ASSERT_EQ(values(target), values(source));
  }
}

// What was encoded before a failure may be committed after it.
TEST_P(FailureContract, DoesNotReachWorkThatIsStillBeingRecorded) {
  const auto source = floats(std::vector<float>(100, 1.0F));
  const auto target = device().allocate(source->size_bytes(), "target");
  const auto open = commands("open");
  ops::copy(*open, whole(source), whole(target));
  const auto failing = commands("failing");
  record_failure(*failing);
  failing->commit();
  EXPECT_THROW(failing->wait(), Error);
  open->commit();
  open->wait();
  EXPECT_EQ(values(target), values(source));
}

// Others of the same command buffer may overlap with the failing one, so they may run or not.
TEST_P(FailureContract, DispatchesThatDependOnTheFailingOneDoNotRun) {
  if (!device().info().stops_at_failure) return;  // promises nothing
  const std::vector<float> untouched = {1.0F, 2.0F};
  const auto target = floats(untouched);
  const auto next = floats(untouched);
  const auto failing = commands("failing");
  record_failure(*failing);
  ops::copy(*failing, failed_result(), whole(target));
  ops::copy(*failing, whole(target), whole(next));
  failing->commit();
  EXPECT_THROW(failing->wait(), Error);
  EXPECT_EQ(values(target), untouched);
  EXPECT_EQ(values(next), untouched);
}

TEST_P(FailureContract, HandlersGetTheErrorInOrder) {
  test::Gate gate;
  test::Gate done;
  hold_up(gate);
  std::vector<std::string> messages;  // only the device writes it until it opens `done`
  const auto record = [&](const std::optional<Error>& error) { messages.emplace_back(error ? error->what() : "fine"); };
  const auto before = commands("before");
  const auto failing = commands("the culprit");
  const auto behind = commands("behind");
  record_failure(*failing);
  for (const auto& each : {before, failing, behind}) each->on_completed(record);
  behind->on_completed([&](const std::optional<Error>&) { done.open(); });
  for (const auto& each : {before, failing, behind}) each->commit();
  gate.open();
  done.pass();
  end_device();
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0], "fine");
  EXPECT_NE(messages[1].find("the culprit"), std::string::npos) << messages[1];
  EXPECT_EQ(messages[2], messages[1]);
  bool ran = false;  // and one that comes late, at once
  behind->on_completed([&](const std::optional<Error>& error) { ran = error.has_value(); });
  EXPECT_TRUE(ran);
}

// A handler of the failed buffer may commit: that is later work, not a dependent.
TEST_P(FailureContract, AHandlerOfAFailureMayCommit) {
  const auto source = floats(std::vector<float>(100, 1.0F));
  const auto target = device().allocate(source->size_bytes(), "target");
  const auto retry = commands("retry");
  ops::copy(*retry, whole(source), whole(target));
  const auto failing = commands("failing");
  record_failure(*failing);
  failing->on_completed([&](const std::optional<Error>&) { retry->commit(); });
  failing->commit();
  EXPECT_THROW(failing->wait(), Error);
  test::Gate done;  // the handler has run when one behind it has
  const auto last = commands("last");
  last->on_completed([&](const std::optional<Error>&) { done.open(); });
  last->commit();
  done.pass();
  end_device();
  retry->wait();
  EXPECT_EQ(values(target), values(source));
}

}  // namespace
}  // namespace marlin
