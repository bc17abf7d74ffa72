// SPDX-License-Identifier: Apache-2.0
// A device made to check hazards keeps the host away from work in flight; one that is not made so checks nothing.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "backends/cpu/simulation.h"
#include "tests/device/device_test.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class HostAccessContract : public ::testing::TestWithParam<test::DeviceParameters> {
 protected:
  [[nodiscard]] static std::unique_ptr<Device> make_device(bool check_hazards) {
    return create_device(GetParam().backend, {.n_threads = GetParam().n_threads, .check_hazards = check_hazards});
  }
};
MARLIN_ON_EVERY_DEVICE(HostAccessContract);

/// A copy of 100 floats committed to `device`, which has not executed it yet.
struct PendingCopy {
  explicit PendingCopy(Device& device)
      : source(device.allocate(400, "the source")),
        target(device.allocate(400, "the target")),
        commands(device.create_command_buffer("layers 0-11")) {
    source_view().host_write<float>()[7] = 42.0F;
    ops::copy(*commands, source_view(), target_view());
    static_cast<void>(target_view().host_read<float>());  // nothing is committed yet
    commands->commit();
  }

  [[nodiscard]] BufferView source_view() const { return {source.get(), 0, 400}; }
  [[nodiscard]] BufferView target_view() const { return {target.get(), 0, 400}; }

  void expect_refusals() const {
    const Error error = test::error_of([&] { static_cast<void>(target_view().host_read<float>()); });
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
    for (const char* part : {"host reads", "copy_f32", "'layers 0-11'", "'the target'"}) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
    EXPECT_THROW(static_cast<void>(target_view().host_write<float>()), Error);
    EXPECT_THROW(static_cast<void>(source_view().host_write<float>()), Error);
    EXPECT_NO_THROW(static_cast<void>(source_view().host_read<float>()));
  }

  void expect_no_refusals() const {
    EXPECT_NO_THROW(static_cast<void>(target_view().host_read<float>()));
    EXPECT_NO_THROW(static_cast<void>(target_view().host_write<float>()));
    EXPECT_NO_THROW(static_cast<void>(source_view().host_write<float>()));
  }

  std::unique_ptr<Buffer> source;
  std::unique_ptr<Buffer> target;
  std::shared_ptr<CommandBuffer> commands;
};

/// Commits something that completes only when `gate` opens.
std::shared_ptr<CommandBuffer> hold_up(Device& device, test::Gate& gate) {
  auto held = device.create_command_buffer("held up");
  held->on_completed([&gate](const std::optional<Error>&) { gate.pass(); });
  held->commit();
  return held;
}

TEST_P(HostAccessContract, WaitsForResultsWhenChecked) {
  test::Gate gate;
  const auto device = make_device(/*check_hazards=*/true);
  const auto held = hold_up(*device, gate);
  const PendingCopy copy(*device);
  copy.expect_refusals();
  gate.open();
  copy.commands->wait();
  copy.expect_no_refusals();
  EXPECT_EQ(copy.target_view().host_read<float>()[7], 42.0F);
}

TEST_P(HostAccessContract, IsNotCheckedUnlessAsked) {
  test::Gate gate;
  const auto device = make_device(/*check_hazards=*/false);
  const auto held = hold_up(*device, gate);
  const PendingCopy copy(*device);
  copy.expect_no_refusals();
  gate.open();
  copy.commands->wait();
}

TEST_P(HostAccessContract, IsFreeInACompletionHandler) {
  const auto device = make_device(/*check_hazards=*/true);
  const auto source = device->allocate(400, "source");
  const auto target = device->allocate(400, "target");
  const auto commands = device->create_command_buffer("copy");
  ops::copy(*commands, {source.get(), 0, 400}, {target.get(), 0, 400});
  bool free = false;
  commands->on_completed([&](const std::optional<Error>&) {
    try {
      static_cast<void>(BufferView{target.get(), 0, 400}.host_read<float>());
      free = true;
    } catch (const Error&) {
    }
  });
  commands->commit();
  commands->wait();
  EXPECT_TRUE(free);
}

TEST_P(HostAccessContract, IsFreeAfterAFailure) {
  const auto device = make_device(/*check_hazards=*/true);
  const auto out = device->allocate(8, "out");
  const auto table = device->allocate(16, "table");
  const auto ids = device->allocate(4, "ids");
  *BufferView{ids.get(), 0, 4}.host_write<std::int32_t>() = 99;  // which the table does not have
  abi::Matrix matrix{};
  matrix.weights = table->device_address();
  matrix.n_in = matrix.stored_in = matrix.n_out = matrix.stored_out = 2;
  const auto commands = device->create_command_buffer("failing");
  ops::embed(*commands, matrix, {ids.get(), 0, 4}, {ids.get(), 0, 4}, {out.get(), 0, 8}, 1);
  commands->commit();
  EXPECT_THROW(commands->wait(), Error);
  EXPECT_NO_THROW(static_cast<void>(BufferView{out.get(), 0, 8}.host_write<float>()));
}

TEST_P(HostAccessContract, IsFreeOfWhatWasNeverCommitted) {
  const auto device = make_device(/*check_hazards=*/true);
  const auto source = device->allocate(400, "source");
  const auto target = device->allocate(400, "target");
  const auto commands = device->create_command_buffer("dropped");
  ops::copy(*commands, {source.get(), 0, 400}, {target.get(), 0, 400});
  commands->reset("empty");
  commands->commit();
  EXPECT_NO_THROW(static_cast<void>(BufferView{target.get(), 0, 400}.host_write<float>()));
  commands->wait();
}

TEST(HostAccessToASimulatedDevice, WaitsForResultsWhenChecked) {
  const auto gate = std::make_shared<SimulationGate>();
  const auto hang = [](std::uint64_t, std::string_view) { return SimulatedFault::kHang; };
  const auto device = create_simulated_device({.n_threads = 2, .check_hazards = true}, {.fault = hang, .gate = gate});
  const PendingCopy copy(*device);
  copy.expect_refusals();
  gate->open();
  copy.commands->wait();
  copy.expect_no_refusals();
  EXPECT_EQ(copy.target_view().host_read<float>()[7], 42.0F);
}

TEST(HostAccessToASimulatedDevice, IsNotCheckedUnlessAsked) {
  const auto gate = std::make_shared<SimulationGate>();
  const auto hang = [](std::uint64_t, std::string_view) { return SimulatedFault::kHang; };
  const auto device = create_simulated_device({.n_threads = 2, .check_hazards = false}, {.fault = hang, .gate = gate});
  const PendingCopy copy(*device);
  copy.expect_no_refusals();
  gate->open();
  copy.commands->wait();
}

}  // namespace
}  // namespace marlin
