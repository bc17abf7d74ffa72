// SPDX-License-Identifier: Apache-2.0
// Buffers, residency, references that are not retained, and barriers.
#include <unistd.h>

#include <cstdlib>

#include "tests/support/softmetal/tests/bench.h"

namespace softmetal::test {
namespace {

class Memory : public Bench {
 protected:
  Owned residency_set() {
    Owned descriptor = make("MTLResidencySetDescriptor");
    Id error = nullptr;
    return Owned(send<Id, Id, Id*>(device_, "newResidencySetWithDescriptor:error:", descriptor, &error));
  }
  /// y[i] = what lies at the address of `source`.
  void encode_follow(Id encoder, Id pipeline, Id source) {
    send<void, Id>(encoder, "setComputePipelineState:", pipeline);
    set_bytes(encoder, send<unsigned long>(source, "gpuAddress"), 0);
    bind(encoder, y_, 1);
    dispatch(encoder, {1}, {32});
  }
  /// Follows `source` in a command buffer of its own and gives that.
  Id follow(Id source, Id use = nullptr) {
    Owned pipeline = Bench::pipeline("follow");
    Id commands = Bench::commands();
    Id encoder = Bench::encoder(commands);
    if (use != nullptr) send<void, Id>(encoder, "useResource:usage:", use, 1UL);
    encode_follow(encoder, pipeline, source);
    end(encoder);
    run(commands);
    return commands;
  }
};

TEST_F(Memory, BuffersAreWhatWasAskedFor) {
  Owned buffer(send(device_, "newBufferWithLength:options:", 100UL, kUntracked));
  EXPECT_EQ(send<unsigned long>(buffer, "length"), 100UL);
  EXPECT_EQ(send<unsigned long>(buffer, "hazardTrackingMode"), 1UL);
  EXPECT_EQ(static_cast<char*>(send(buffer, "contents"))[99], 0);
  const float values[] = {1, 2, 3};
  Owned copy(send<Id, const void*>(device_, "newBufferWithBytes:length:options:", values, 12UL, 0UL));
  EXPECT_EQ(contents(copy)[2], 3.0F);
  EXPECT_EQ(send<unsigned long>(device_, "currentAllocatedSize"), 100UL + 12 + 2 * 256);
}

TEST_F(Memory, SizesHaveLimits) {
  EXPECT_EQ(send(device_, "newBufferWithLength:options:", 0UL, 0UL), nullptr);
  const auto limit = send<unsigned long>(device_, "maxBufferLength");
  EXPECT_EQ(send(device_, "newBufferWithLength:options:", limit + 1, 0UL), nullptr);
  expect_faults({"-[MTLDevice newBufferWithLength:options:]: a buffer of 0 bytes", "exceed maxBufferLength"});
}

TEST_F(Memory, PrivateMemoryHasNoContents) {
  Owned buffer = floats(4, kPrivate);
  EXPECT_EQ(send(buffer, "contents"), nullptr);
  expect_faults({"-[MTLBuffer contents]: MTLBuffer '' has private storage"});
}

TEST_F(Memory, AllocationsCanFail) {
  fail_allocation(2);
  Owned first = floats(4);
  Owned second = floats(4);
  Owned third = floats(4);
  EXPECT_NE(static_cast<Id>(first), nullptr);
  EXPECT_EQ(static_cast<Id>(second), nullptr);
  EXPECT_NE(static_cast<Id>(third), nullptr);
}

TEST_F(Memory, NoCopyNeedsPages) {
  const auto page = static_cast<unsigned long>(sysconf(_SC_PAGESIZE));
  constexpr const char* kSelector = "newBufferWithBytesNoCopy:length:options:deallocator:";
  void* memory = std::aligned_alloc(page, 2 * page);
  static_cast<float*>(memory)[3] = 5;
  {
    Owned buffer(send<Id, void*>(device_, kSelector, memory, 2 * page, 0UL, static_cast<void*>(nullptr)));
    EXPECT_EQ(send(buffer, "contents"), memory);
    Id commands = Bench::commands();
    Id encoder = Bench::encoder(commands);
    encode_scale(encoder, buffer, y_, 2);
    end(encoder);
    run(commands);
    EXPECT_EQ(contents(y_)[3], 10.0F);
  }
  EXPECT_EQ((send<Id, void*>(device_, kSelector, static_cast<char*>(memory) + page / 2, page, 0UL,
                             static_cast<void*>(nullptr))),
            nullptr);
  EXPECT_EQ((send<Id, void*>(device_, kSelector, memory, page + page / 2, 0UL, static_cast<void*>(nullptr))), nullptr);
  expect_faults({kSelector, kSelector});
  std::free(memory);
}

TEST_F(Memory, TheDeallocatorIsCalled) {
  static int n_calls;
  n_calls = 0;
  struct FreeBlock {
    void* isa = static_cast<void*>(_NSConcreteGlobalBlock);
    int flags = 1 << 28;
    int reserved = 0;
    void (*invoke)(void*, void*, unsigned long) = [](void*, void* memory, unsigned long) {
      ++n_calls;
      std::free(memory);
    };
    const void* descriptor = &kGlobalBlockDescriptor;
  } block;
  Owned buffer(send<Id, void*, unsigned long, unsigned long, void*>(
      device_, "newBufferWithBytesNoCopy:length:options:deallocator:", std::aligned_alloc(16384, 16384), 16384, 0,
      &block));
  EXPECT_EQ(n_calls, 0);
  buffer.reset();
  EXPECT_EQ(n_calls, 1);
}

TEST_F(Memory, ResidentThroughASet) {
  Owned weights = floats(32);
  Owned set = residency_set();
  send<void, Id>(set, "addAllocation:", weights);
  send<void>(set, "commit");
  send<void, Id>(queue_, "addResidencySet:", set);
  EXPECT_EQ(status(follow(weights)), kCompleted);
  EXPECT_EQ(contents(y_)[31], 31.0F);
}

TEST_F(Memory, ResidentThroughUseResource) {
  Owned weights = floats(32);
  EXPECT_EQ(status(follow(weights, weights)), kCompleted);
}

TEST_F(Memory, ResidentThroughABinding) {
  EXPECT_EQ(status(follow(y_)), kCompleted);  // y is bound to the same dispatch
}

TEST_F(Memory, UseResourceLastsForItsEncoder) {
  Owned weights = floats(32);
  Owned pipeline = Bench::pipeline("follow");
  Id commands = Bench::commands();
  Id encoder = Bench::encoder(commands);
  send<void, Id>(encoder, "useResource:usage:", weights, 1UL);
  end(encoder);
  encoder = Bench::encoder(commands);
  encode_follow(encoder, pipeline, weights);
  end(encoder);
  run(commands);
  expect_faults({"not resident"});
}

TEST_F(Memory, ANonResidentBufferIsNamed) {
  Owned weights = floats(32);
  send<void>(weights, "setLabel:", string("weights"));
  EXPECT_EQ(status(follow(weights)), kError);
  expect_faults({"kernel 'follow' reaches MTLBuffer 'weights' through its gpuAddress, but it is not resident"});
}

TEST_F(Memory, ResidencyNeedsACommitAndComesBeforeTheWork) {
  Owned weights = floats(32);
  Owned set = residency_set();
  send<void, Id>(queue_, "addResidencySet:", set);
  send<void, Id>(set, "addAllocation:", weights);
  follow(weights);  // not committed
  expect_faults({"not resident"});
  send<void>(set, "commit");
  follow(weights);
  expect_faults({});
  send<void, Id>(set, "removeAllocation:", weights);
  follow(weights);  // the removal is not committed
  expect_faults({});
  send<void>(set, "commit");
  follow(weights);
  expect_faults({"not resident"});
  send<void, Id>(set, "addAllocation:", weights);
  send<void>(set, "commit");
  send<void, Id>(queue_, "removeResidencySet:", set);
  follow(weights);
  expect_faults({"not resident"});
}

TEST_F(Memory, AQueueTakes32Sets) {
  std::vector<Owned> sets;
  for (int i = 0; i < 33; ++i) {
    sets.push_back(residency_set());
    send<void, Id>(queue_, "addResidencySet:", sets.back());
  }
  expect_faults({"-[MTLCommandQueue addResidencySet:]: a queue has at most 32 residency sets"});
}

TEST_F(Memory, ADeadBufferReachedByAddressIsNamed) {
  Owned pipeline = Bench::pipeline("follow");
  Owned weights = floats(32);
  send<void>(weights, "setLabel:", string("weights"));
  Id commands = Bench::commands();
  Id encoder = Bench::encoder(commands);
  encode_follow(encoder, pipeline, weights);
  end(encoder);
  weights.reset();
  run(commands);
  EXPECT_EQ(status(commands), kError);
  expect_faults({"reaches MTLBuffer 'weights' through its gpuAddress after its last release"});
}

TEST_F(Memory, ASetDoesNotKeepBuffersAlive) {
  Owned weights = floats(32);
  send<void>(weights, "setLabel:", string("weights"));
  Owned set = residency_set();
  send<void, Id>(set, "addAllocation:", weights);
  weights.reset();
  send<void>(set, "commit");
  expect_faults({"-[MTLResidencySet commit]: MTLBuffer 'weights' is in the set after its last release"});
}

TEST_F(Memory, RetainedReferencesKeepBuffersAlive) {
  Owned z = floats(64);
  Id commands = Bench::commands();
  Id encoder = Bench::encoder(commands);
  encode_scale(encoder, z, y_, 2);
  end(encoder);
  z.reset();
  run(commands);
  EXPECT_EQ(status(commands), kCompleted);
  EXPECT_EQ(contents(y_)[3], 6.0F);
}

TEST_F(Memory, UnretainedReferencesDoNot) {
  Owned z = floats(64);
  send<void>(z, "setLabel:", string("z"));
  Id commands = send(queue_, "commandBufferWithUnretainedReferences");
  Id encoder = Bench::encoder(commands);
  encode_scale(encoder, z, y_, 2);
  end(encoder);
  z.reset();
  run(commands);
  EXPECT_EQ(status(commands), kError);
  EXPECT_EQ(contents(y_)[3], 3.0F);
  expect_faults({"MTLBuffer 'z' was released before a command buffer with unretained references had used it"});
}

TEST_F(Memory, UnretainedReferencesInFlightDoNotEither) {
  Owned z = floats(64);
  send<void>(z, "setLabel:", string("z"));
  hang_command_buffer(1);
  Id commands = send(queue_, "commandBufferWithUnretainedReferences");
  Id encoder = Bench::encoder(commands);
  encode_scale(encoder, z, y_, 2);
  end(encoder);
  commit(commands);
  z.reset();
  resume_hung();
  wait(commands);
  expect_faults({"-[MTLBuffer release]: MTLBuffer 'z' is released while a command buffer with unretained references"});
}

TEST_F(Memory, UnretainedReferencesOfWhatLivesAreFine) {
  Id commands = send(queue_, "commandBufferWithUnretainedReferences");
  Id encoder = Bench::encoder(commands);
  encode_scale(encoder, x_, y_, 2);
  end(encoder);
  run(commands);
  EXPECT_EQ(contents(y_)[3], 6.0F);
}

class Barriers : public Bench {
 protected:
  enum class With { kNothing, kScope, kResource, kOtherResource, kNextEncoder };
  /// y = 2 x, then z = 3 y.
  void chain(unsigned long type, With with) {
    Owned z = floats(64);
    Id commands = Bench::commands();
    Id encoder = Bench::encoder(commands, type);
    encode_scale(encoder, x_, y_, 2);
    Id resource = with == With::kResource ? static_cast<Id>(y_) : static_cast<Id>(z);
    if (with == With::kScope) send<void>(encoder, "memoryBarrierWithScope:", 1UL);
    if (with == With::kResource || with == With::kOtherResource) {
      send<void, Id*>(encoder, "memoryBarrierWithResources:count:", &resource, 1UL);
    }
    if (with == With::kNextEncoder) {
      end(encoder);
      encoder = Bench::encoder(commands, type);
    }
    encode_scale(encoder, y_, z, 3);
    end(encoder);
    run(commands);
    EXPECT_EQ(contents(z)[2], 12.0F);
  }
};

TEST_F(Barriers, OrderAConcurrentEncoder) {
  chain(kConcurrent, With::kScope);
  chain(kConcurrent, With::kResource);
  chain(kConcurrent, With::kNextEncoder);
  EXPECT_EQ(counters().barriers, 2U);
}

TEST_F(Barriers, ASerialEncoderNeedsNone) { chain(0, With::kNothing); }

TEST_F(Barriers, AMissingOneIsNamed) {
  chain(kConcurrent, With::kNothing);
  expect_faults({"missing in a concurrent encoder: kernel 'scale' reads what kernel 'scale' writes"});
  chain(kConcurrent, With::kOtherResource);
  expect_faults({"missing in a concurrent encoder"});
}

TEST_F(Barriers, ReadsOfTheSameAndDisjointWritesNeedNone) {
  Owned z = floats(64);
  Id commands = Bench::commands();
  Id encoder = Bench::encoder(commands, kConcurrent);
  encode_scale(encoder, x_, y_, 2, 32);
  encode_scale(encoder, x_, z, 2);
  bind(encoder, y_, 1, 128);
  set_bytes(encoder, Scale{32, 2}, 2);
  dispatch(encoder, {1}, {32});
  end(encoder);
  run(commands);
}

TEST_F(Barriers, WritesAfterReadsNeedOne) {
  Owned z = floats(64);
  Id commands = Bench::commands();
  Id encoder = Bench::encoder(commands, kConcurrent);
  encode_scale(encoder, x_, y_, 2);
  encode_scale(encoder, z, x_, 2);
  end(encoder);
  run(commands);
  expect_faults({"kernel 'scale' writes what kernel 'scale' reads"});
}

class EncoderOrders : public Bench {
 protected:
  /// y = 2 x and x = 3 y in two encoders, with a fence or an event between, or two command buffers, or nothing.
  enum class With { kNothing, kFence, kEvent, kNextCommandBuffer, kOtherQueue };
  void chain(unsigned long options, With with) {
    x_ = floats(64, options);
    y_ = floats(64, options);
    Owned fence(send(device_, "newFence"));
    Owned event(send(device_, "newEvent"));
    Owned other(send(device_, "newCommandQueue"));
    Id commands = Bench::commands();
    Id encoder = Bench::encoder(commands);
    encode_scale(encoder, x_, y_, 2);
    if (with == With::kFence) send<void, Id>(encoder, "updateFence:", fence);
    end(encoder);
    if (with == With::kEvent || with == With::kOtherQueue) {
      send<void, Id>(commands, "encodeSignalEvent:value:", event, 1UL);
    }
    Id next = commands;
    if (with == With::kNextCommandBuffer) next = Bench::commands();
    if (with == With::kOtherQueue) next = send(other, "commandBuffer");
    if (with == With::kEvent) send<void, Id>(next, "encodeWaitForEvent:value:", event, 1UL);
    encoder = Bench::encoder(next);
    if (with == With::kFence) send<void, Id>(encoder, "waitForFence:", fence);
    encode_scale(encoder, y_, x_, 3);
    end(encoder);
    hang_command_buffer(1);  // so that the second is committed before the first has ended
    commit(commands);
    if (next != commands) commit(next);
    resume_hung();
    wait(next);
    settle();
  }
};

TEST_F(EncoderOrders, TrackedBuffersOrderEncodersOfAQueue) {
  chain(0, With::kNothing);
  chain(0, With::kNextCommandBuffer);
}

TEST_F(EncoderOrders, FencesAndEventsOrderUntrackedOnes) {
  chain(kUntracked, With::kFence);
  chain(kUntracked, With::kEvent);
}

TEST_F(EncoderOrders, UntrackedOnesNeedThem) {
  chain(kUntracked, With::kNothing);
  expect_faults({"missing: kernel 'scale' reads what kernel 'scale' of an earlier encoder writes"});
  chain(kUntracked, With::kNextCommandBuffer);
  expect_faults({"hazards of this access are not tracked"});
}

TEST_F(EncoderOrders, QueuesAreNotOrdered) {
  chain(0, With::kOtherQueue);
  ASSERT_FALSE(faults().empty());
  EXPECT_NE(faults()[0].find("queues are not ordered"), std::string::npos) << faults()[0];
  clear_faults();
}

TEST_F(EncoderOrders, AHostThatWaitsOrders) {
  x_ = floats(64, kUntracked);
  y_ = floats(64, kUntracked);
  for (int i = 0; i < 2; ++i) {
    Id commands = Bench::commands();
    Id encoder = ready(commands);
    dispatch(encoder, {2}, {32});
    end(encoder);
    run(commands);
  }
}

TEST_F(Barriers, FastModeChecksNone) {
  restart({.checked = false});
  chain(kConcurrent, With::kNothing);
}

}  // namespace
}  // namespace softmetal::test
