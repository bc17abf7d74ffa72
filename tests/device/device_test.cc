// SPDX-License-Identifier: Apache-2.0
// Devices and their memory.
#include "device/device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/memory.h"
#include "tests/device/device_test.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class DeviceContract : public test::DeviceTest {};
MARLIN_ON_EVERY_DEVICE(DeviceContract);

TEST_P(DeviceContract, SaysWhatItIs) {
  const DeviceInfo& info = device().info();
  EXPECT_EQ(info.backend, GetParam().backend);
  EXPECT_FALSE(info.name.empty());
  if (info.backend == "cpu") {
    EXPECT_EQ(info.n_threads, GetParam().n_threads);
    EXPECT_NE(info.name.find(std::to_string(info.n_threads) + " thread"), std::string::npos) << info.name;
  }
}

TEST_P(DeviceContract, KnowsItsKernels) {
  EXPECT_TRUE(device().supports("copy_f32"));
  EXPECT_TRUE(device().supports("embed_f32"));
  EXPECT_FALSE(device().supports("copy_f3"));
  EXPECT_FALSE(device().supports(""));
}

TEST_P(DeviceContract, AllocatesZeroedMemory) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{1} << 20, std::size_t{12345}}) {
    const auto buffer = device().allocate(bytes, "some label");
    EXPECT_EQ(buffer->size_bytes(), bytes);
    EXPECT_EQ(buffer->label(), "some label");
    ASSERT_NE(buffer->host(), nullptr);
    EXPECT_TRUE(std::all_of(buffer->host(), buffer->host() + bytes, [](std::byte b) { return b == std::byte{0}; }));
    std::fill_n(buffer->host(), bytes, std::byte{0xEE});
  }
}

TEST_P(DeviceContract, AllocatesNothing) { EXPECT_EQ(device().allocate(0, "empty")->size_bytes(), 0U); }

TEST_P(DeviceContract, RefusesMoreMemoryThanThereIs) {
  const Error error = test::error_of([&] { device().allocate(std::numeric_limits<std::size_t>::max() / 2, "absurd"); });
  EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
}

TEST_P(DeviceContract, BuffersDoNotOverlap) {
  const auto a = device().allocate(1000, "a");
  const auto b = device().allocate(1000, "b");
  EXPECT_TRUE(a->device_address() + 1000 <= b->device_address() || b->device_address() + 1000 <= a->device_address());
}

TEST_P(DeviceContract, WrapIsNoCopyOnUnifiedMemory) {
  if (!device().info().unified_memory) GTEST_SKIP() << "backend '" << GetParam().backend << "' has its own memory";
  const PageMemory pages(16);  // as mapped files are
  const std::span memory(reinterpret_cast<float*>(pages.data()), 4);
  std::iota(memory.begin(), memory.end(), 1.0F);
  const auto wrapped = device().wrap(std::as_bytes(memory), "wrapped");
  EXPECT_EQ(wrapped->host(), pages.data());
  EXPECT_EQ(wrapped->size_bytes(), 16U);
  EXPECT_EQ(wrapped->label(), "wrapped");
  memory[2] = 30;  // seen through the buffer, so there is no copy behind it either
  const auto out = device().allocate(16, "out");
  const auto copy = commands("copy");
  ops::copy(*copy, whole(wrapped), whole(out));
  copy->commit();
  copy->wait();
  EXPECT_EQ(values(out), (std::vector<float>{1, 2, 30, 4}));
}

TEST_P(DeviceContract, WrapReadsFromAnyAddress) {
  std::array<std::byte, 4 * sizeof(float) + 1> memory{};
  const std::vector<float> expected = {5, 6, 7, 8};
  std::memcpy(memory.data() + 1, expected.data(), 16);
  const auto wrapped = device().wrap(std::span(memory).subspan(1), "odd address");
  abi::Matrix table{};
  table.weights = wrapped->device_address();
  table.n_in = table.stored_in = 4;
  table.n_out = table.stored_out = 1;
  const auto ids = device().allocate(4, "ids");
  const auto out = device().allocate(16, "out");
  const auto embed = commands("embed");
  ops::embed(*embed, table, whole(ids), whole(ids), whole(out), 1);
  embed->commit();
  embed->wait();
  EXPECT_EQ(values(out), expected);
}

// Leaving while work is under way must neither hang nor lose a callback.
TEST_P(DeviceContract, EndsByCompletingWhatWasCommitted) {
  constexpr int kBuffers = 50;
  const auto a = floats(std::vector<float>(20000, 1.0F));
  const auto b = device().allocate(a->size_bytes(), "b");
  std::atomic<int> completed = 0;
  std::vector<std::shared_ptr<CommandBuffer>> all;
  for (int i = 0; i < kBuffers; ++i) {
    all.push_back(commands("late"));
    ops::copy(*all.back(), whole(a), whole(b));
    all.back()->on_completed([&](const std::optional<Error>& error) { completed += error ? 0 : 1; });
    all.back()->commit();
  }
  end_device();
  EXPECT_EQ(completed, kBuffers);
  for (const auto& each : all) EXPECT_EQ(each->status(), CommandStatus::kCompleted);
}

TEST(DeviceOptions, RefusesAbsurdThreadCounts) {
  for (const int n_threads : {-1, 100000, std::numeric_limits<int>::min()}) {
    const Error error = test::error_of([&] { create_device("cpu", {.n_threads = n_threads}); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("--threads"), std::string::npos) << error.what();
  }
}

TEST(DeviceOptions, ZeroThreadsMeansOnePerProcessor) {
  EXPECT_GE(create_device("cpu", {.n_threads = 0})->info().n_threads, 1);
}

}  // namespace
}  // namespace marlin
