// SPDX-License-Identifier: Apache-2.0
// What a command buffer hands to its backend: barriers where dispatches conflict, also round a dispatch that is
// refused.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/device/fake_buffer.h"
#include "tests/device/recorded_commands.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class Recording : public ::testing::Test {
 protected:
  void dispatch(std::string_view kernel, std::initializer_list<Binding> bindings) {
    commands_.dispatch(kernel, std::uint32_t{0}, bindings);
  }

  [[nodiscard]] std::vector<bool> barriers() const {
    std::vector<bool> barriers;
    for (const auto& each : commands_.dispatches()) barriers.push_back(each.barrier);
    return barriers;
  }

  test::FakeBuffer a_{"a", 0x1000, 64};
  test::FakeBuffer b_{"b", 0x2000, 64};
  test::RecordedCommands commands_{"recorded"};
};

TEST_F(Recording, PutsBarriersBetweenConflicts) {
  dispatch("one", {writes(a_.whole())});
  dispatch("two", {writes(b_.whole())});
  dispatch("three", {reads(a_.whole()), reads(b_.whole())});
  dispatch("four", {reads(a_.whole())});
  EXPECT_EQ(barriers(), (std::vector<bool>{false, false, true, false}));
}

TEST_F(Recording, BeginsAnewAfterReset) {
  dispatch("one", {writes(a_.whole())});
  commands_.reset("again");
  dispatch("two", {reads(a_.whole())});
  dispatch("three", {writes(a_.whole())});
  EXPECT_EQ(barriers(), (std::vector<bool>{false, true}));
}

// The refused dispatch asked for the barrier that the next one relies on.
TEST_F(Recording, ARefusedDispatchTakesNoBarrierWithIt) {
  dispatch("one", {writes(a_.whole())});
  EXPECT_THROW(dispatch("no_such_kernel", {reads(a_.whole())}), Error);
  EXPECT_EQ(commands_.n_dispatches(), 1U);
  dispatch("two", {reads(a_.whole())});
  dispatch("three", {reads(a_.whole())});
  EXPECT_EQ(barriers(), (std::vector<bool>{false, true, false}));
}

TEST_F(Recording, ABarrierThatIsDueIsForgottenByReset) {
  dispatch("one", {writes(a_.whole())});
  EXPECT_THROW(dispatch("no_such_kernel", {reads(a_.whole())}), Error);
  commands_.reset("again");
  dispatch("two", {reads(a_.whole())});
  EXPECT_EQ(barriers(), (std::vector<bool>{false}));
}

}  // namespace
}  // namespace marlin
