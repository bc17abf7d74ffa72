// SPDX-License-Identifier: Apache-2.0
// The simulated device keeps its promises: tests of overlap, order and recovery stand on them.
#include "backends/cpu/simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "device/fence.h"
#include "ops/copy.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

using std::chrono::microseconds;

/// Which faults happened to which command buffer, and what happens next.
class FaultScript {
 public:
  explicit FaultScript(std::vector<SimulatedFault> faults) : faults_(std::move(faults)) {}

  SimulatedFault next(std::uint64_t n, std::string_view label) {
    {
      const std::lock_guard lock(mutex_);
      seen_.emplace_back(n, label);
    }
    asked_.signal(n + 1);
    return n < faults_.size() ? faults_[n] : SimulatedFault::kNone;
  }

  /// Blocks until the device has taken up the n-th command buffer.
  void wait_for(std::uint64_t n) { EXPECT_TRUE(asked_.wait(n + 1)); }

  [[nodiscard]] std::vector<std::pair<std::uint64_t, std::string>> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  std::vector<SimulatedFault> faults_;
  mutable std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, std::string>> seen_;
  Fence asked_;
};

class SimulatedDeviceTest : public ::testing::Test {
 protected:
  ~SimulatedDeviceTest() override { gate_->open(); }

  void make_device(Simulation simulation) {
    simulation.gate = gate_;
    device_ = create_simulated_device({.n_threads = 2}, std::move(simulation));
    source_ = device_->allocate(kBytes, "source");
    target_ = device_->allocate(kBytes, "target");
    std::fill_n(reinterpret_cast<float*>(source_->host()), kFloats, 3.0F);
  }

  void make_device(std::vector<SimulatedFault> faults, Simulation simulation = {}) {
    script_ = std::make_unique<FaultScript>(std::move(faults));
    simulation.fault = [script = script_.get()](std::uint64_t n, std::string_view label) {
      return script->next(n, label);
    };
    make_device(std::move(simulation));
  }

  /// Not committed.
  std::shared_ptr<CommandBuffer> copies(const std::string& label, int n) {
    auto commands = device_->create_command_buffer(label);
    for (int i = 0; i < n; ++i) ops::copy(*commands, {source_.get(), 0, kBytes}, {target_.get(), 0, kBytes});
    return commands;
  }

  [[nodiscard]] bool target_is(float value) const {
    const auto* data = reinterpret_cast<const float*>(target_->host());
    return std::all_of(data, data + kFloats, [&](float x) { return x == value; });
  }

  static constexpr std::size_t kFloats = 50000;  // several work items
  static constexpr std::size_t kBytes = kFloats * sizeof(float);

  std::shared_ptr<SimulationGate> gate_ = std::make_shared<SimulationGate>();
  std::unique_ptr<FaultScript> script_;
  std::unique_ptr<Buffer> source_;
  std::unique_ptr<Buffer> target_;
  std::unique_ptr<Device> device_;
};

TEST_F(SimulatedDeviceTest, WithoutAnythingAskedForIsADevice) {
  make_device(Simulation{});
  const auto commands = copies("copy", 1);
  commands->commit();
  commands->wait();
  EXPECT_TRUE(target_is(3.0F));
}

TEST_F(SimulatedDeviceTest, NeedsAGateForFaults) {
  const auto fault = [](std::uint64_t, std::string_view) { return SimulatedFault::kNone; };
  EXPECT_EQ(test::error_of([&] { create_simulated_device({.n_threads = 1}, {.fault = fault}); }).code(),
            ErrorCode::kInternal);
}

TEST_F(SimulatedDeviceTest, TakesAtLeastTheTimeOfACommandBufferAndItsDispatches) {
  make_device(Simulation{.per_command_buffer = microseconds(2000), .per_dispatch = microseconds(300)});
  for (const int n : {0, 1, 7}) {
    const auto commands = copies("slow", n);
    const auto before = std::chrono::steady_clock::now();
    commands->commit();
    commands->wait();
    const auto after = std::chrono::steady_clock::now();
    const auto least = microseconds(2000) + n * microseconds(300);
    EXPECT_GE(commands->times().ended - commands->times().began, least) << n << " dispatches";
    EXPECT_GE(after - before, least) << n << " dispatches";
    EXPECT_TRUE(n == 0 || target_is(3.0F));
  }
}

TEST_F(SimulatedDeviceTest, TakesAtLeastThatTimeAlsoForAFailure) {
  make_device({SimulatedFault::kFail}, {.per_command_buffer = microseconds(2000)});
  const auto commands = copies("failing", 1);
  commands->commit();
  EXPECT_THROW(commands->wait(), Error);
  EXPECT_GE(commands->times().ended - commands->times().began, microseconds(2000));
}

TEST_F(SimulatedDeviceTest, FailsWithoutExecutingAnything) {
  make_device({SimulatedFault::kFail});
  const auto failing = copies("the culprit", 3);
  failing->commit();
  const Error error = test::error_of([&] { failing->wait(); });
  EXPECT_EQ(error.code(), ErrorCode::kDevice);
  EXPECT_NE(std::string(error.what()).find("the culprit"), std::string::npos) << error.what();
  EXPECT_EQ(failing->status(), CommandStatus::kFailed);
  EXPECT_TRUE(target_is(0.0F));

  const auto next = copies("next", 1);
  next->commit();
  next->wait();
  EXPECT_TRUE(target_is(3.0F));
}

TEST_F(SimulatedDeviceTest, HangsUntilTheGateOpens) {
  make_device({SimulatedFault::kNone, SimulatedFault::kHang});
  const auto before = copies("before", 0);
  const auto hanging = copies("hanging", 1);
  const auto behind = copies("behind", 0);
  for (const auto& each : {before, hanging, behind}) each->commit();
  before->wait();
  script_->wait_for(1);
  EXPECT_EQ(hanging->status(), CommandStatus::kCommitted);
  EXPECT_EQ(behind->status(), CommandStatus::kCommitted);
  EXPECT_TRUE(target_is(0.0F)) << "it does not execute either";
  gate_->open();
  behind->wait();
  EXPECT_EQ(hanging->status(), CommandStatus::kCompleted);
  EXPECT_TRUE(target_is(3.0F));
}

TEST_F(SimulatedDeviceTest, AnOpenGateStaysOpen) {
  make_device({SimulatedFault::kHang, SimulatedFault::kHang});
  gate_->open();
  for (int i = 0; i < 2; ++i) {
    const auto hanging = copies("hanging", 1);
    hanging->commit();
    hanging->wait();
  }
  EXPECT_TRUE(target_is(3.0F));
}

TEST_F(SimulatedDeviceTest, IsLateButExecutes) {
  make_device({SimulatedFault::kLate, SimulatedFault::kNone}, {.late_by = microseconds(5000)});
  const auto late = copies("late", 1);
  late->commit();
  late->wait();
  EXPECT_EQ(late->status(), CommandStatus::kCompleted);
  EXPECT_GE(late->times().ended - late->times().began, microseconds(5000));
  EXPECT_TRUE(target_is(3.0F));
}

TEST_F(SimulatedDeviceTest, NumbersFaultsInCommitOrder) {
  make_device(std::vector<SimulatedFault>{});
  std::vector<std::shared_ptr<CommandBuffer>> all;
  for (const char* label : {"made first", "made second", "made third"}) all.push_back(copies(label, 1));
  for (const std::size_t i : {2U, 0U, 1U}) all[i]->commit();
  for (const auto& each : all) each->wait();
  using Seen = std::vector<std::pair<std::uint64_t, std::string>>;
  EXPECT_EQ(script_->seen(), (Seen{{0, "made third"}, {1, "made first"}, {2, "made second"}}));
}

// Those that fail because of one before them are never begun; their numbers are used up all the same.
TEST_F(SimulatedDeviceTest, CountsWhatAFailureTakesAlong) {
  make_device({SimulatedFault::kHang, SimulatedFault::kFail});
  const auto first = copies("first", 0);
  const auto failing = copies("failing", 0);
  const auto behind = copies("behind", 0);
  for (const auto& each : {first, failing, behind}) each->commit();
  gate_->open();
  EXPECT_THROW(behind->wait(), Error);
  const auto later = copies("later", 0);
  later->commit();
  later->wait();
  using Seen = std::vector<std::pair<std::uint64_t, std::string>>;
  EXPECT_EQ(script_->seen(), (Seen{{0, "first"}, {1, "failing"}, {3, "later"}}));
}

}  // namespace
}  // namespace marlin
