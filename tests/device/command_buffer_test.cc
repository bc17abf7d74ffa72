// SPDX-License-Identifier: Apache-2.0
// The life of a command buffer: recording, order, completion.
#include "device/command_buffer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "abi/copy.h"
#include "tests/device/device_test.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class CommandBufferContract : public test::DeviceTest {
 protected:
  /// Something every value of which differs, long enough to be cut into several work items.
  static std::vector<float> counted(float first) {
    std::vector<float> values(40000);
    std::iota(values.begin(), values.end(), first);
    return values;
  }
};
MARLIN_ON_EVERY_DEVICE(CommandBufferContract);

TEST_P(CommandBufferContract, GoesFromEncodingToCompleted) {
  const auto a = floats(counted(1));
  const auto b = device().allocate(a->size_bytes(), "b");
  const auto copy = commands("layer 3");
  EXPECT_EQ(copy->label(), "layer 3");
  EXPECT_EQ(copy->status(), CommandStatus::kEncoding);
  ops::copy(*copy, whole(a), whole(b));
  EXPECT_EQ(values(b), std::vector<float>(40000)) << "recording must not execute";
  copy->commit();
  EXPECT_NE(copy->status(), CommandStatus::kEncoding);
  copy->wait();
  EXPECT_EQ(copy->status(), CommandStatus::kCompleted);
  EXPECT_EQ(values(b), counted(1));
  copy->wait();  // as often as one likes
}

TEST_P(CommandBufferContract, AnEmptyOneCompletes) {
  const auto empty = commands("empty");
  empty->commit();
  empty->wait();
  EXPECT_EQ(empty->status(), CommandStatus::kCompleted);
}

TEST_P(CommandBufferContract, OneNeverCommittedIsDropped) {
  const auto a = floats(counted(1));
  const auto b = device().allocate(a->size_bytes(), "b");
  ops::copy(*commands("dropped"), whole(a), whole(b));
  const auto next = commands("next");
  next->commit();
  next->wait();
  EXPECT_EQ(values(b).front(), 0.0F);
}

// Arguments are copied when they are recorded: the caller's struct is on its stack.
TEST_P(CommandBufferContract, KeepsItsArguments) {
  const auto a = floats(counted(1));
  const auto b = device().allocate(a->size_bytes(), "b");
  const auto copy = commands("copy");
  {
    abi::CopyArguments arguments{10};
    copy->dispatch("copy_f32", arguments, {reads(whole(a)), writes(whole(b))});
    arguments.n = 40000;
  }
  copy->commit();
  copy->wait();
  EXPECT_EQ(values(b)[9], 10.0F);
  EXPECT_EQ(values(b)[10], 0.0F);
}

// Read after write, write after read, write after write: a long chain in which any overlap spoils the result.
TEST_P(CommandBufferContract, DispatchesFollowTheirDependencies) {
  const auto a = floats(counted(1));
  const auto b = floats(counted(100000));
  const auto c = device().allocate(a->size_bytes(), "c");
  const int n_repetitions = GetParam().backend == "cpu" ? 20 : 2;
  for (int repetition = 0; repetition < n_repetitions; ++repetition) {
    const auto swap = commands("swaps");
    for (int i = 0; i < 51; ++i) {  // an odd number of exchanges of a and b
      ops::copy(*swap, whole(a), whole(c));
      ops::copy(*swap, whole(b), whole(a));
      ops::copy(*swap, whole(c), whole(b));
    }
    swap->commit();
    swap->wait();
    const bool exchanged = repetition % 2 == 0;
    ASSERT_EQ(values(a), counted(exchanged ? 100000 : 1));
    ASSERT_EQ(values(b), counted(exchanged ? 1 : 100000));
  }
}

TEST_P(CommandBufferContract, OnesOfADeviceRunInCommitOrder) {
  const auto a = floats(counted(1));
  const auto b = floats(counted(100000));
  const auto c = device().allocate(a->size_bytes(), "c");
  std::vector<std::shared_ptr<CommandBuffer>> all;
  for (int i = 0; i < 101; ++i) {
    for (const auto& [from, to] : {std::pair(&a, &c), std::pair(&b, &a), std::pair(&c, &b)}) {
      all.push_back(commands("one copy"));
      ops::copy(*all.back(), whole(*from), whole(*to));
    }
  }
  for (const auto& each : all) each->commit();
  all.back()->wait();
  EXPECT_EQ(values(a), counted(100000));
  EXPECT_EQ(values(b), counted(1));
}

// While a handler keeps the device from completing anything, committing must still return.
TEST_P(CommandBufferContract, CommitNeverBlocks) {
  test::Gate gate;
  const auto a = floats(counted(1));
  const auto b = device().allocate(a->size_bytes(), "b");
  const auto first = commands("held up");
  first->on_completed([&](const std::optional<Error>&) { gate.pass(); });
  first->commit();
  std::vector<std::shared_ptr<CommandBuffer>> all;
  for (int i = 0; i < 500; ++i) {
    all.push_back(commands("behind"));
    ops::copy(*all.back(), whole(a), whole(b));
    all.back()->commit();
  }
  EXPECT_EQ(all.back()->status(), CommandStatus::kCommitted);
  gate.open();
  all.back()->wait();
  for (const auto& each : all) EXPECT_EQ(each->status(), CommandStatus::kCompleted);
  EXPECT_EQ(values(b), counted(1));
  end_device();  // no handler is left that could touch the gate
}

TEST_P(CommandBufferContract, HandlersRunOnceInCommitOrderOnADeviceThread) {
  constexpr int kBuffers = 200;
  std::vector<int> order;  // only the device writes it until the last has completed
  std::atomic<int> on_this_thread = 0;
  const auto here = std::this_thread::get_id();
  std::vector<std::shared_ptr<CommandBuffer>> all;
  test::Gate gate;
  for (int i = 0; i < kBuffers; ++i) {
    all.push_back(commands("numbered"));
    for (int which = 0; which < 2; ++which) {  // several handlers run in the order they were registered
      all.back()->on_completed([&, number = 2 * i + which](const std::optional<Error>& error) {
        EXPECT_FALSE(error.has_value());
        order.push_back(number);
        on_this_thread += std::this_thread::get_id() == here ? 1 : 0;
        if (number == 2 * kBuffers - 1) gate.open();
      });
    }
  }
  for (const auto& each : all) each->commit();
  gate.pass();
  end_device();
  std::vector<int> expected(2 * kBuffers);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(order, expected);
  EXPECT_EQ(on_this_thread, 0);
}

TEST_P(CommandBufferContract, AHandlerRegisteredAfterTheEndRunsAtOnce) {
  const auto empty = commands("empty");
  empty->commit();
  empty->wait();
  bool ran = false;
  empty->on_completed([&, here = std::this_thread::get_id()](const std::optional<Error>& error) {
    EXPECT_FALSE(error.has_value());
    EXPECT_EQ(std::this_thread::get_id(), here);
    ran = true;
  });
  EXPECT_TRUE(ran);
}

// The next step is committed from the completion of the one before: how a scheduler keeps a device busy.
TEST_P(CommandBufferContract, AHandlerMayCommit) {
  test::Gate gate;
  std::vector<std::shared_ptr<CommandBuffer>> chain;
  chain.reserve(50);
  for (int i = 0; i < 50; ++i) chain.push_back(commands("chain"));
  for (std::size_t i = 0; i < chain.size(); ++i) {
    chain[i]->on_completed([&, i](const std::optional<Error>&) {
      if (i + 1 < chain.size()) {
        chain[i + 1]->commit();
      } else {
        gate.open();
      }
    });
  }
  chain.front()->commit();
  gate.pass();
  end_device();
  for (const auto& each : chain) EXPECT_EQ(each->status(), CommandStatus::kCompleted);
}

TEST_P(CommandBufferContract, RefusesMisuse) {
  const auto a = floats(counted(1));
  const auto used = commands("used");
  EXPECT_EQ(test::error_of([&] { used->wait(); }).code(), ErrorCode::kInternal) << "waiting before the commit";
  used->commit();
  EXPECT_EQ(test::error_of([&] { used->commit(); }).code(), ErrorCode::kInternal);
  EXPECT_EQ(test::error_of([&] { ops::copy(*used, whole(a), whole(a)); }).code(), ErrorCode::kInternal);
  used->wait();
  EXPECT_EQ(test::error_of([&] { used->commit(); }).code(), ErrorCode::kInternal);
  EXPECT_EQ(test::error_of([&] { ops::copy(*used, whole(a), whole(a)); }).code(), ErrorCode::kInternal);
}

TEST_P(CommandBufferContract, RefusesAnUnknownKernel) {
  const auto a = floats(counted(1));
  const auto wrong = commands("wrong");
  const Error error = test::error_of([&] {
    wrong->dispatch("copy_f64", abi::CopyArguments{1}, {reads(whole(a)), writes(whole(a))});
  });
  EXPECT_EQ(error.code(), ErrorCode::kDevice);
  EXPECT_NE(std::string(error.what()).find("copy_f64"), std::string::npos) << error.what();
}

TEST_P(CommandBufferContract, RefusesABindingOutsideItsBuffer) {
  const auto small = device().allocate(64, "the small one");
  const auto wrong = commands("layer 5");
  const auto refused = [&](std::size_t offset, std::size_t bytes) {
    const BufferView view{small.get(), offset, bytes};
    const Error error = test::error_of([&] {
      wrong->dispatch("copy_f32", abi::CopyArguments{0}, {reads(view), writes(whole(small))});
    });
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
    for (const char* part : {"copy_f32", "layer 5", "the small one"}) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  refused(0, 65);
  refused(61, 4);
  refused(65, 0);
  refused(SIZE_MAX, 2);  // offset + bytes overflows
  refused(2, SIZE_MAX);
  const BufferView none{};
  EXPECT_EQ(test::error_of([&] {
              wrong->dispatch("copy_f32", abi::CopyArguments{0}, {reads(none), writes(whole(small))});
            }).code(),
            ErrorCode::kInternal);
  EXPECT_NO_THROW(wrong->dispatch("copy_f32", abi::CopyArguments{0},
                                  {reads(BufferView{small.get(), 64, 0}), writes(whole(small))}));
}

TEST_P(CommandBufferContract, RefusesTheWrongNumberOfBindingsOrArguments) {
  const auto a = floats(counted(1));
  const auto wrong = commands("wrong");
  EXPECT_EQ(test::error_of([&] { wrong->dispatch("copy_f32", abi::CopyArguments{1}, {reads(whole(a))}); }).code(),
            ErrorCode::kInternal);
  EXPECT_EQ(test::error_of([&] {
              wrong->dispatch("copy_f32", std::uint32_t{1}, {reads(whole(a)), writes(whole(a))});
            }).code(),
            ErrorCode::kInternal);
}

}  // namespace
}  // namespace marlin
