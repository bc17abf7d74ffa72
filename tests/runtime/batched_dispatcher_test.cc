// SPDX-License-Identifier: Apache-2.0
// The queue in front of a command buffer: it hands on what it was given, once, and costs nothing.
#include "runtime/batched_dispatcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "abi/copy.h"
#include "backends/registry.h"
#include "ops/copy.h"
#include "tests/device/fake_buffer.h"
#include "tests/device/recorded_commands.h"
#include "tests/support/allocation_count.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class BatchedDispatcherTest : public ::testing::Test {
 protected:
  void record(std::string_view kernel, std::uint64_t n, std::initializer_list<Binding> bindings) {
    dispatcher_.dispatch(kernel, abi::CopyArguments{n}, bindings);
  }

  /// The argument of an encoded dispatch.
  [[nodiscard]] std::uint64_t n_of(std::size_t dispatch) const {
    const auto& bytes = commands_.dispatches()[dispatch].arguments;
    abi::CopyArguments arguments{};
    EXPECT_EQ(bytes.size(), sizeof(arguments));
    std::memcpy(&arguments, bytes.data(), std::min(bytes.size(), sizeof(arguments)));
    return arguments.n;
  }

  Instruments instruments_{nullptr};
  BatchedDispatcher dispatcher_{instruments_};
  test::FakeBuffer a_{"a", 0x10000, 4096};
  test::FakeBuffer b_{"b", 0x20000, 4096};
  test::RecordedCommands commands_{"recorded"};
};

TEST_F(BatchedDispatcherTest, KeepsTheOrder) {
  constexpr std::array<std::string_view, 3> kKernels = {"first", "second", "third"};
  for (std::size_t i = 0; i < 300; ++i) record(kKernels[i % 3], i, {reads(a_.view(i, 4)), writes(b_.view(i, 8))});
  EXPECT_EQ(dispatcher_.size(), 300U);
  EXPECT_EQ(commands_.n_dispatches(), 0U) << "nothing is encoded before it is asked for";
  dispatcher_.encode_into(commands_);
  ASSERT_EQ(commands_.dispatches().size(), 300U);
  for (std::size_t i = 0; i < 300; ++i) {
    const auto& dispatch = commands_.dispatches()[i];
    EXPECT_EQ(dispatch.kernel, kKernels[i % 3]);
    EXPECT_EQ(n_of(i), i);
    ASSERT_EQ(dispatch.bindings.size(), 2U);
    EXPECT_EQ(dispatch.bindings[0].view.buffer, &a_);
    EXPECT_EQ(dispatch.bindings[0].view.offset, i);
    EXPECT_EQ(dispatch.bindings[0].view.bytes, 4U);
    EXPECT_EQ(dispatch.bindings[0].access, Access::kRead);
    EXPECT_EQ(dispatch.bindings[1].view.buffer, &b_);
    EXPECT_EQ(dispatch.bindings[1].view.bytes, 8U);
    EXPECT_EQ(dispatch.bindings[1].access, Access::kWrite);
  }
}

TEST_F(BatchedDispatcherTest, KeepsArgumentsAndBindingsOfAnySize) {
  record("copies", 5, {});
  dispatcher_.dispatch("bytes", std::uint8_t{9}, {updates(a_.view(0, 1))});
  dispatcher_.dispatch("many", std::array<std::uint32_t, 50>{1, 2, 3},
                       {reads(a_.whole()), reads(a_.whole()), reads(a_.whole()), updates(b_.whole())});
  dispatcher_.encode_into(commands_);
  ASSERT_EQ(commands_.dispatches().size(), 3U);
  EXPECT_TRUE(commands_.dispatches()[0].bindings.empty());
  EXPECT_EQ(commands_.dispatches()[1].arguments, std::vector<std::byte>{std::byte{9}});
  EXPECT_EQ(commands_.dispatches()[2].arguments.size(), 200U);
  EXPECT_EQ(commands_.dispatches()[2].bindings.size(), 4U);
  EXPECT_EQ(commands_.dispatches()[2].bindings[3].access, Access::kReadWrite);
}

// The caller's structs are on its stack.
TEST_F(BatchedDispatcherTest, CopiesArgumentsAndBindings) {
  abi::CopyArguments arguments{10};
  std::array<Binding, 2> bindings = {reads(a_.view(0, 40)), writes(b_.view(0, 40))};
  dispatcher_.record("copy", std::as_bytes(std::span(&arguments, 1)), bindings);
  arguments.n = 99;
  bindings[0] = writes(b_.view(1, 1));
  dispatcher_.encode_into(commands_);
  EXPECT_EQ(n_of(0), 10U);
  EXPECT_EQ(commands_.dispatches()[0].bindings[0].view.buffer, &a_);
  EXPECT_EQ(commands_.dispatches()[0].bindings[0].access, Access::kRead);
}

TEST_F(BatchedDispatcherTest, EncodesOnlyOnce) {
  EXPECT_TRUE(dispatcher_.empty());
  record("one", 1, {reads(a_.whole())});
  EXPECT_FALSE(dispatcher_.empty());
  dispatcher_.encode_into(commands_);
  EXPECT_TRUE(dispatcher_.empty());
  EXPECT_EQ(dispatcher_.size(), 0U);
  dispatcher_.encode_into(commands_);
  EXPECT_EQ(commands_.dispatches().size(), 1U);
  record("two", 2, {reads(b_.whole())});
  dispatcher_.encode_into(commands_);
  ASSERT_EQ(commands_.dispatches().size(), 2U);
  EXPECT_EQ(commands_.dispatches()[1].kernel, "two");
  EXPECT_EQ(n_of(1), 2U);
  EXPECT_EQ(commands_.dispatches()[1].bindings[0].view.buffer, &b_);
}

TEST_F(BatchedDispatcherTest, ClearForgetsEverything) {
  record("dropped", 1, {reads(a_.whole())});
  dispatcher_.clear();
  EXPECT_TRUE(dispatcher_.empty());
  record("kept", 2, {writes(b_.whole())});
  dispatcher_.encode_into(commands_);
  ASSERT_EQ(commands_.dispatches().size(), 1U);
  EXPECT_EQ(commands_.dispatches()[0].kernel, "kept");
  EXPECT_EQ(n_of(0), 2U);
}

TEST_F(BatchedDispatcherTest, AnUnknownKernelThrowsWhenItIsEncoded) {
  record("fine", 1, {reads(a_.whole())});
  EXPECT_NO_THROW(record("no_such_kernel", 2, {reads(a_.whole())}));
  const Error error = test::error_of([&] { dispatcher_.encode_into(commands_); });
  EXPECT_EQ(error.code(), ErrorCode::kDevice);
  EXPECT_NE(std::string(error.what()).find("no_such_kernel"), std::string::npos) << error.what();
}

class BatchedDispatcherOnDevice : public ::testing::TestWithParam<std::string> {
 protected:
  // checking hazards takes notes
  std::unique_ptr<Device> device_ = create_device(GetParam(), {.n_threads = 2, .check_hazards = false});
  std::unique_ptr<Buffer> a_ = device_->allocate(4000, "a");
  std::unique_ptr<Buffer> b_ = device_->allocate(4000, "b");
  Instruments instruments_{nullptr};
  BatchedDispatcher dispatcher_{instruments_};
};
INSTANTIATE_TEST_SUITE_P(Backends, BatchedDispatcherOnDevice, ::testing::ValuesIn(usable_backends()),
                         [](const auto& backend) { return backend.param; });

TEST_P(BatchedDispatcherOnDevice, WhatItEncodesRuns) {
  BufferView{a_.get(), 0, 4000}.host_write<float>()[999] = 5.0F;
  ops::copy(dispatcher_, {a_.get(), 0, 4000}, {b_.get(), 0, 4000});
  const auto commands = device_->create_command_buffer("copy");
  dispatcher_.encode_into(*commands);
  commands->commit();
  commands->wait();
  EXPECT_EQ((BufferView{b_.get(), 0, 4000}.host_read<float>()[999]), 5.0F);
}

TEST_P(BatchedDispatcherOnDevice, AKernelThatTheDeviceDoesNotHaveThrows) {
  dispatcher_.dispatch("copy_f64", abi::CopyArguments{1}, {reads({a_.get(), 0, 8}), writes({b_.get(), 0, 8})});
  const auto commands = device_->create_command_buffer("wrong");
  EXPECT_EQ(test::error_of([&] { dispatcher_.encode_into(*commands); }).code(), ErrorCode::kDevice);
}

TEST_P(BatchedDispatcherOnDevice, SteadyUseAllocatesNothing) {
  const int n_passes = GetParam() == "cpu" ? 100 : 40;  // Metal in software takes its time
  const auto commands = device_->create_command_buffer("steady");
  long before = 0;
  for (int pass = 0; pass < n_passes; ++pass) {
    if (pass == 3) before = test::allocation_count();
    for (int i = 0; i < 200; ++i) {
      dispatcher_.mark(i, Stage::kExperts);
      ops::copy(dispatcher_, {a_.get(), 0, 4000}, {b_.get(), 0, 4000});
    }
    commands->reset("steady");
    dispatcher_.encode_into(*commands);
    commands->commit();
    commands->wait();
  }
  EXPECT_EQ(test::allocation_count(), before);
}

}  // namespace
}  // namespace marlin
