// SPDX-License-Identifier: Apache-2.0
// The life of command buffers: order, handlers, events, failures.
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

#include "tests/support/softmetal/tests/bench.h"

namespace softmetal::test {
namespace {

class CommandBuffers : public Bench {
 protected:
  /// Calls `called` with the handler's command buffer.
  static GlobalBlock handler(std::function<void(Id)>* called) {
    return {.invoke = [](GlobalBlock* self,
                         Id argument) { (*static_cast<std::function<void(Id)>*>(self->context))(argument); },
            .descriptor = &kGlobalBlockDescriptor,
            .context = called};
  }
  /// Given time to end, it has not.
  static void expect_still_running(Id commands) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_LT(status(commands), kCompleted);
  }
  Id scaling(float factor) {
    Id commands = Bench::commands();
    Id encoder = Bench::encoder(commands);
    encode_scale(encoder, x_, y_, factor);
    end(encoder);
    return commands;
  }
};

TEST_F(CommandBuffers, EndToEnd) {
  Owned event(send(device_, "newSharedEvent"));
  Owned descriptor = make("MTLResidencySetDescriptor");
  send<void>(descriptor, "setInitialCapacity:", 2UL);
  Id error = nullptr;
  Owned set(send<Id, Id, Id*>(device_, "newResidencySetWithDescriptor:error:", descriptor, &error));
  send<void, Id>(set, "addAllocation:", x_);
  send<void>(set, "commit");
  send<void>(set, "requestResidency");
  send<void, Id>(queue_, "addResidencySet:", set);
  std::atomic<unsigned long> status_in_handler{0};
  std::function<void(Id)> called = [&](Id commands) { status_in_handler = status(commands); };
  GlobalBlock block = handler(&called);

  Id commands = scaling(0.5F);
  send<void, Id>(commands, "encodeSignalEvent:value:", event, 7UL);
  send<void, void*>(commands, "addCompletedHandler:", &block);
  EXPECT_EQ(status(commands), 0UL);
  commit(commands);
  EXPECT_TRUE(send<bool>(event, "waitUntilSignaledValue:timeoutMS:", 7UL, 10000UL));
  wait(commands);
  EXPECT_EQ(status(commands), kCompleted);
  EXPECT_EQ(status_in_handler, kCompleted);
  EXPECT_EQ(send(commands, "error"), nullptr);
  EXPECT_EQ(send<unsigned long>(event, "signaledValue"), 7UL);
  EXPECT_GE(send<double>(commands, "GPUEndTime"), send<double>(commands, "GPUStartTime"));
  for (int i = 0; i < 64; ++i) EXPECT_EQ(contents(y_)[i], 0.5F * static_cast<float>(i));
  const Counters counted = counters();
  EXPECT_EQ(counted.dispatches, 1U);
  EXPECT_EQ(counted.executed_dispatches, 1U);
  EXPECT_EQ(counted.commits, 1U);
  EXPECT_EQ(counted.bound_bytes, 512U);
  EXPECT_EQ(counted.set_bytes, 8U);
  EXPECT_EQ(counted.residency_changes, 1U);
}

TEST_F(CommandBuffers, CommitOnce) {
  Id commands = scaling(1);
  run(commands);
  commit(commands);
  expect_faults({"-[MTLCommandBuffer commit]: committed already"});
}

TEST_F(CommandBuffers, NothingAfterCommit) {
  Id commands = scaling(1);
  std::function<void(Id)> called = [](Id) {};
  GlobalBlock block = handler(&called);
  Owned event(send(device_, "newEvent"));
  commit(commands);
  EXPECT_EQ(send(commands, "computeCommandEncoder"), nullptr);
  send<void, void*>(commands, "addCompletedHandler:", &block);
  send<void, Id>(commands, "encodeSignalEvent:value:", event, 1UL);
  send<void>(commands, "enqueue");
  wait(commands);
  expect_faults({"-[MTLCommandBuffer computeCommandEncoderWithDispatchType:]: after commit",
                 "-[MTLCommandBuffer addCompletedHandler:]: after commit",
                 "-[MTLCommandBuffer encodeSignalEvent:value:]: after commit",
                 "-[MTLCommandBuffer enqueue]: the command buffer is enqueued or committed already"});
}

TEST_F(CommandBuffers, WaitingAndTimesNeedACommit) {
  Id commands = scaling(1);
  wait(commands);
  send<void>(commands, "waitUntilScheduled");
  EXPECT_EQ(send<double>(commands, "GPUEndTime"), 0.0);
  expect_faults({"-[MTLCommandBuffer waitUntilCompleted]: before commit",
                 "-[MTLCommandBuffer waitUntilScheduled]: before commit",
                 "-[MTLCommandBuffer GPUEndTime]: before the command buffer has completed"});
}

TEST_F(CommandBuffers, RunInCommitOrderOfAQueue) {
  std::vector<int> order;
  std::mutex mutex;
  std::vector<std::function<void(Id)>> called;
  std::vector<GlobalBlock> blocks;
  for (int i = 0; i < 8; ++i) {
    called.emplace_back([&, i](Id) {
      const std::lock_guard lock(mutex);
      order.push_back(i);
    });
  }
  for (auto& function : called) blocks.push_back(handler(&function));
  std::vector<Id> all;
  for (int i = 0; i < 8; ++i) {
    all.push_back(scaling(static_cast<float>(i)));
    send<void, void*>(all.back(), "addCompletedHandler:", &blocks[static_cast<std::size_t>(i)]);
  }
  for (Id commands : all) commit(commands);
  wait(all.back());
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(contents(y_)[1], 7.0F);
}

TEST_F(CommandBuffers, EnqueueReservesAPlace) {
  Id first = scaling(1);
  Id second = scaling(2);
  send<void>(first, "enqueue");
  commit(second);
  EXPECT_EQ(send<bool>(nullptr, "x"), false);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(status(second), 2UL);
  run(first);
  wait(second);
  EXPECT_EQ(contents(y_)[1], 2.0F);
}

TEST_F(CommandBuffers, EventsOrderQueues) {
  Owned other(send(device_, "newCommandQueue"));
  Owned event(send(device_, "newEvent"));
  Id waiter = send(other, "commandBuffer");
  send<void, Id>(waiter, "encodeWaitForEvent:value:", event, 1UL);
  Id encoder = Bench::encoder(waiter);
  encode_scale(encoder, y_, y_, 10);
  end(encoder);
  commit(waiter);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_LT(status(waiter), kCompleted);
  Id signaller = scaling(3);
  send<void, Id>(signaller, "encodeSignalEvent:value:", event, 1UL);
  commit(signaller);
  wait(waiter);
  EXPECT_EQ(contents(y_)[2], 60.0F);
}

TEST_F(CommandBuffers, SharedEventsNotifyAndMustRise) {
  Owned event(send(device_, "newSharedEvent"));
  Owned listener = make("MTLSharedEventListener");
  static std::atomic<unsigned long> seen;
  seen = 0;
  struct EventBlock {
    void* isa = static_cast<void*>(_NSConcreteGlobalBlock);
    int flags = 1 << 28;
    int reserved = 0;
    void (*invoke)(void*, Id, unsigned long) = [](void*, Id, unsigned long value) { seen = value; };
    const void* descriptor = &kGlobalBlockDescriptor;
  } block;
  send<void, Id, unsigned long, void*>(event, "notifyListener:atValue:block:", listener, 5, &block);
  send<void>(event, "setSignaledValue:", 4UL);
  EXPECT_TRUE(settle());
  EXPECT_EQ(seen, 0UL);
  send<void>(event, "setSignaledValue:", 6UL);
  EXPECT_TRUE(settle());
  EXPECT_EQ(seen, 6UL);
  EXPECT_FALSE(send<bool>(event, "waitUntilSignaledValue:timeoutMS:", 7UL, 10UL));
  send<void>(event, "setSignaledValue:", 3UL);
  expect_faults({"-[MTLSharedEvent setSignaledValue:]: the value goes down, from 6 to 3"});
}

TEST_F(CommandBuffers, HandlersHaveNoPool) {
  std::function<void(Id)> called = [&](Id) { objc_release(send(device_, "name")); };
  GlobalBlock block = handler(&called);
  Id commands = scaling(1);
  send<void, void*>(commands, "addCompletedHandler:", &block);
  run(commands);
  expect_faults({"-[NSString autorelease]: no autorelease pool on this thread"});
  called = [&](Id) {
    Pool pool;
    send(device_, "name");
  };
  commands = scaling(1);
  send<void, void*>(commands, "addCompletedHandler:", &block);
  run(commands);
}

TEST_F(CommandBuffers, ScheduledHandlersComeFirst) {
  std::vector<int> order;
  std::function<void(Id)> scheduled = [&](Id) { order.push_back(1); };
  std::function<void(Id)> completed = [&](Id) { order.push_back(2); };
  GlobalBlock blocks[] = {handler(&scheduled), handler(&completed)};
  Id commands = scaling(1);
  send<void, void*>(commands, "addScheduledHandler:", &blocks[0]);
  send<void, void*>(commands, "addCompletedHandler:", &blocks[1]);
  run(commands);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST_F(CommandBuffers, WaitersMayComeBeforeHandlers) {
  restart({.handler_order = HandlerOrder::kWaiterFirst});
  std::atomic<bool> is_called{false};
  std::function<void(Id)> called = [&](Id) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    is_called = true;
  };
  GlobalBlock block = handler(&called);
  Id commands = scaling(1);
  send<void, void*>(commands, "addCompletedHandler:", &block);
  run(commands);
  EXPECT_FALSE(is_called);
  EXPECT_TRUE(settle());
  EXPECT_TRUE(is_called);
}

TEST_F(CommandBuffers, WaitingInAHandlerIsAFault) {
  std::function<void(Id)> called = [&](Id commands) { wait(commands); };
  GlobalBlock block = handler(&called);
  Id commands = scaling(1);
  send<void, void*>(commands, "addCompletedHandler:", &block);
  run(commands);
  expect_faults({"-[MTLCommandBuffer waitUntilCompleted]: on the driver's thread"});
}

TEST_F(CommandBuffers, APlannedFailureDoesNothingAndSignalsNothing) {
  Owned event(send(device_, "newSharedEvent"));
  fail_command_buffer(2, CommandError::kTimeout);
  Id first = scaling(2);
  Id second = scaling(3);
  send<void, Id>(second, "encodeSignalEvent:value:", event, 1UL);
  Id third = Bench::commands();
  commit(first);
  commit(second);
  run(third);
  EXPECT_EQ(status(first), kCompleted);
  EXPECT_EQ(status(second), kError);
  EXPECT_EQ(send<long>(send(second, "error"), "code"), 2);
  EXPECT_EQ(text_of(send(send(second, "error"), "domain")), "MTLCommandBufferErrorDomain");
  EXPECT_EQ(status(third), kCompleted);  // those behind it still run
  EXPECT_EQ(contents(y_)[1], 2.0F);
  EXPECT_EQ(send<unsigned long>(event, "signaledValue"), 0UL);
}

TEST_F(CommandBuffers, AHungOneEndsWhenResumed) {
  hang_command_buffer(1);
  Id commands = scaling(2);
  Id next = scaling(3);
  commit(commands);
  commit(next);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(status(commands), 3UL);
  EXPECT_EQ(status(next), 2UL);
  resume_hung();
  wait(next);
  EXPECT_EQ(status(commands), kCompleted);
}

TEST_F(CommandBuffers, DelaysStart) {
  restart({.delay_us = 30000});
  const auto before = std::chrono::steady_clock::now();
  run(scaling(2));
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(30));
}

TEST_F(CommandBuffers, TakeAtLeastSoLong) {
  const auto duration = [](Id commands) {
    return send<double>(commands, "GPUEndTime") - send<double>(commands, "GPUStartTime");
  };
  slow_command_buffer(2, 30000);
  Id first = scaling(2);
  Id second = Bench::commands();  // nothing to do takes as long
  Id third = scaling(2);
  for (Id each : {first, second, third}) commit(each);
  wait(third);
  EXPECT_GE(duration(second), 0.030 - 1e-6);
  EXPECT_GE(send<double>(third, "GPUStartTime"), send<double>(second, "GPUEndTime"));
  restart({.least_us = 5000});
  Id fourth = scaling(2);
  Id fifth = Bench::commands();
  commit(fourth);
  run(fifth);
  for (Id each : {fourth, fifth}) EXPECT_GE(duration(each), 0.005 - 1e-6);
}

TEST_F(CommandBuffers, HungOnesEndInTurn) {
  restart({.hang = true});
  std::vector<Id> all;
  for (int i = 0; i < 4; ++i) all.push_back(i % 2 == 0 ? scaling(2) : Bench::commands());
  for (std::size_t i = 0; i < 3; ++i) commit(all[i]);
  for (std::size_t i = 0; i < 2; ++i) {
    resume_hung_up_to(i + 1);
    wait(all[i]);
    expect_still_running(all[i + 1]);
  }
  resume_hung_up_to(4);  // one that is not committed yet
  commit(all[3]);
  wait(all[3]);
  Id next = scaling(2);
  commit(next);
  expect_still_running(next);
  resume_hung();
  wait(next);
}

TEST_F(CommandBuffers, OneThatHangsMayFailThen) {
  hang_command_buffer(1);
  fail_command_buffer(1, CommandError::kInternal);
  Id commands = scaling(2);
  commit(commands);
  expect_still_running(commands);
  resume_hung();
  wait(commands);
  EXPECT_EQ(status(commands), kError);
}

TEST_F(CommandBuffers, AQueueHasSoMany) {
  Owned queue(send(device_, "newCommandQueueWithMaxCommandBufferCount:", 2UL));
  hang_command_buffer(1);
  Id first = send(queue, "commandBuffer");
  commit(first);
  send(queue, "commandBuffer");
  std::atomic<bool> made{false};
  std::thread thread([&] {
    Pool pool;
    send(queue, "commandBuffer");
    made = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(made);
  resume_hung();
  thread.join();
  EXPECT_TRUE(made);
}

TEST_F(CommandBuffers, QueuesInterleaveUnderASeed) {
  for (std::uint64_t seed = 1; seed < 4; ++seed) {
    restart({.seed = seed, .interleave_queues = true});
    Owned other(send(device_, "newCommandQueue"));
    Owned z = floats(64);
    Id first = Bench::commands();
    Id second = send(other, "commandBuffer");
    Id encoders[] = {Bench::encoder(first), Bench::encoder(second)};
    for (int i = 0; i < 10; ++i) {
      encode_scale(encoders[0], x_, y_, static_cast<float>(i));
      encode_scale(encoders[1], x_, z, static_cast<float>(-i));
    }
    for (Id encoder : encoders) end(encoder);
    commit(first);
    commit(second);
    wait(first);
    wait(second);
    EXPECT_EQ(contents(y_)[1], 9.0F);
    EXPECT_EQ(contents(z)[1], -9.0F);
  }
}

TEST_F(CommandBuffers, WithoutExecutionAllElseHappens) {
  restart({.execute = false});
  Owned event(send(device_, "newSharedEvent"));
  Id commands = scaling(2);
  send<void, Id>(commands, "encodeSignalEvent:value:", event, 1UL);
  run(commands);
  EXPECT_EQ(status(commands), kCompleted);
  EXPECT_EQ(send<unsigned long>(event, "signaledValue"), 1UL);
  EXPECT_EQ(contents(y_)[3], 3.0F);
  EXPECT_EQ(counters().dispatches, 1U);
  EXPECT_EQ(counters().executed_dispatches, 0U);
}

TEST_F(CommandBuffers, CapturesAreStartedAndStopped) {
  Id manager = send(objc_getClass("MTLCaptureManager"), "sharedCaptureManager");
  EXPECT_TRUE(send<bool>(manager, "supportsDestination:", 2L));
  Owned descriptor = make("MTLCaptureDescriptor");
  Id error = nullptr;
  EXPECT_FALSE((send<bool, Id, Id*>(manager, "startCaptureWithDescriptor:error:", descriptor, &error)));
  send<void, Id>(descriptor, "setCaptureObject:", queue_);
  EXPECT_TRUE((send<bool, Id, Id*>(manager, "startCaptureWithDescriptor:error:", descriptor, &error)));
  send<void>(manager, "stopCapture");
  send<void>(manager, "stopCapture");
  expect_faults({"-[MTLCaptureManager stopCapture]: no capture is running"});
}

}  // namespace
}  // namespace softmetal::test
