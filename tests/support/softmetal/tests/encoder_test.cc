// SPDX-License-Identifier: Apache-2.0
// Each rule of encoders: a correct use, and a misuse with its fault.
#include <vector>

#include "tests/support/softmetal/tests/bench.h"

namespace softmetal::test {
namespace {

using Encoders = Bench;

TEST_F(Encoders, OneAtATime) {
  Id commands = Bench::commands();
  Id encoder = ready(commands);
  EXPECT_EQ(send(commands, "blitCommandEncoder"), nullptr);
  expect_faults({"-[MTLCommandBuffer blitCommandEncoder]: an encoder is open"});
  end(encoder);
  end(send(commands, "blitCommandEncoder"));
  run(commands);
}

TEST_F(Encoders, NothingAfterEndEncoding) {
  Id commands = Bench::commands();
  Id encoder = ready(commands);
  end(encoder);
  dispatch(encoder, {2}, {32});
  bind(encoder, x_, 0);
  end(encoder);
  run(commands);
  expect_faults({"-[MTLComputeCommandEncoder dispatchThreadgroups:threadsPerThreadgroup:]: after endEncoding",
                 "-[MTLComputeCommandEncoder setBuffer:offset:atIndex:]: after endEncoding",
                 "-[MTLComputeCommandEncoder endEncoding]: after endEncoding"});
}

TEST_F(Encoders, EndBeforeCommitAndRelease) {
  Id commands = Bench::commands();
  ready(commands);
  run(commands);
  expect_faults({"-[MTLCommandBuffer commit]: an encoder is open"});
  Owned kept(objc_retain(Bench::commands()));
  {
    Pool pool;
    ready(kept);
  }
  expect_faults({"-[MTLComputeCommandEncoder release]: MTLComputeCommandEncoder '' is released without endEncoding"});
}

TEST_F(Encoders, SetBytesTakes4096) {
  Id commands = Bench::commands();
  Id encoder = ready(commands);
  std::vector<char> bytes(4097);
  send<void, const void*>(encoder, "setBytes:length:atIndex:", bytes.data(), 4096UL, 5UL);
  expect_faults({});
  send<void, const void*>(encoder, "setBytes:length:atIndex:", bytes.data(), 4097UL, 5UL);
  expect_faults({"-[MTLComputeCommandEncoder setBytes:length:atIndex:]: 4097 bytes; it takes 1 to 4096"});
  end(encoder);
}

TEST_F(Encoders, SetBytesCopies) {
  Id commands = Bench::commands();
  Id encoder = ready(commands);
  Scale scale{64, 2};
  set_bytes(encoder, scale, 2);
  scale.factor = 100;
  dispatch(encoder, {2}, {32});
  end(encoder);
  run(commands);
  EXPECT_EQ(contents(y_)[5], 10.0F);
}

TEST_F(Encoders, IndicesEndAt30) {
  Id commands = Bench::commands();
  Id encoder = ready(commands);
  bind(encoder, x_, 30);
  expect_faults({});
  bind(encoder, x_, 31);
  expect_faults({"-[MTLComputeCommandEncoder setBuffer:offset:atIndex:]: index 31, the last is 30"});
  end(encoder);
}

TEST_F(Encoders, OffsetsLieInsideAndAreAligned) {
  Id commands = Bench::commands();
  Id encoder = ready(commands);
  bind(encoder, x_, 0, 128);
  send<void>(encoder, "setBufferOffset:atIndex:", 64UL, 0UL);
  set_bytes(encoder, Scale{16, 2}, 2);
  dispatch(encoder, {1}, {32});
  expect_faults({});
  bind(encoder, x_, 0, 256);
  bind(encoder, x_, 0, 6);
  send<void>(encoder, "setBufferOffset:atIndex:", 0UL, 7UL);
  send<void>(encoder, "setBufferOffset:atIndex:", 1024UL, 0UL);
  end(encoder);
  run(commands);
  EXPECT_EQ(contents(y_)[1], 34.0F);
  expect_faults({"offset 256 in MTLBuffer '', which has 256 bytes", "offset 6 in MTLBuffer '' is not a multiple of 4",
                 "-[MTLComputeCommandEncoder setBufferOffset:atIndex:]: no buffer is set at index 7",
                 "offset 1024 in MTLBuffer ''"});
}

TEST_F(Encoders, ADispatchNeedsAPipelineAndBindings) {
  Id commands = Bench::commands();
  Id encoder = Bench::encoder(commands);
  dispatch(encoder, {1}, {32});
  send<void, Id>(encoder, "setComputePipelineState:", scale_);
  bind(encoder, x_, 0);
  dispatch(encoder, {1}, {32});
  bind(encoder, y_, 1);
  set_bytes(encoder, Scale{8, 1}, 2);
  dispatch(encoder, {1}, {32});
  bind(encoder, nullptr, 0);
  dispatch(encoder, {1}, {32});
  end(encoder);
  run(commands);
  expect_faults({"no pipeline state is set", "kernel 'scale': nothing is bound at buffer index 1",
                 "kernel 'scale': nothing is bound at buffer index 0"});
}

TEST_F(Encoders, ThreadsFitThePipeline) {
  for (const unsigned limit : {1024U, 512U, 256U}) {
    restart({.max_threads = limit});
    Id commands = Bench::commands();
    Id encoder = ready(commands);
    dispatch(encoder, {1}, {limit});
    dispatch(encoder, {1}, {limit / 32, 33});
    dispatch(encoder, {0}, {32});
    end(encoder);
    run(commands);
    expect_faults({"exceeds maxTotalThreadsPerThreadgroup, " + std::to_string(limit), "a grid of 0 x 1 x 1"});
  }
}

TEST_F(Encoders, DispatchThreadsHasARaggedEnd) {
  Owned pipeline = Bench::pipeline("group_sizes");
  Owned sizes = floats(40);
  Id commands = Bench::commands();
  Id encoder = Bench::encoder(commands);
  send<void, Id>(encoder, "setComputePipelineState:", pipeline);
  bind(encoder, sizes, 0);
  send<void>(encoder, "dispatchThreads:threadsPerThreadgroup:", Size{40}, Size{32});
  end(encoder);
  run(commands);
  const auto* n = static_cast<const unsigned*>(send(sizes, "contents"));
  EXPECT_EQ(n[31], 32U);
  EXPECT_EQ(n[32], 8U);
}

TEST_F(Encoders, ThreadgroupMemoryIsRoundAndFits) {
  Owned pipeline = Bench::pipeline("reverse");
  Id commands = Bench::commands();
  Id encoder = encoder_with(pipeline, commands);
  dispatch(encoder, {1}, {64});
  send<void>(encoder, "setThreadgroupMemoryLength:atIndex:", 252UL, 0UL);
  send<void>(encoder, "setThreadgroupMemoryLength:atIndex:", 256UL, 0UL);
  dispatch(encoder, {1}, {64});
  send<void>(encoder, "setThreadgroupMemoryLength:atIndex:", 32768UL, 1UL);
  dispatch(encoder, {1}, {64});
  end(encoder);
  run(commands);
  EXPECT_EQ(contents(x_)[0], 63.0F);
  expect_faults({"kernel 'reverse': threadgroup memory 0 has no length set",
                 "-[MTLComputeCommandEncoder setThreadgroupMemoryLength:atIndex:]: a length of 252 bytes is not a "
                 "multiple of 16",
                 "33024 bytes of threadgroup memory exceed maxThreadgroupMemoryLength, 32768"});
}

TEST_F(Encoders, StaticThreadgroupMemoryCountsToo) {
  Owned pipeline = Bench::pipeline("static_reverse");
  Id commands = Bench::commands();
  Id encoder = encoder_with(pipeline, commands);
  send<void>(encoder, "setThreadgroupMemoryLength:atIndex:", 32512UL, 0UL);
  dispatch(encoder, {1}, {64});
  expect_faults({});
  send<void>(encoder, "setThreadgroupMemoryLength:atIndex:", 32528UL, 0UL);
  dispatch(encoder, {1}, {64});
  end(encoder);
  run(commands);
  EXPECT_EQ(contents(x_)[0], 63.0F);
  expect_faults({"32784 bytes of threadgroup memory exceed"});
}

TEST_F(Encoders, WhatTheInterpreterSeesIsAFault) {
  Owned pipeline = Bench::pipeline("racy_reverse");
  Id commands = Bench::commands();
  Id encoder = encoder_with(pipeline, commands);
  send<void>(encoder, "setThreadgroupMemoryLength:atIndex:", 256UL, 0UL);
  dispatch(encoder, {1}, {64});
  end(encoder);
  run(commands);
  EXPECT_EQ(status(commands), kCompleted);  // a race ends nothing
  ASSERT_FALSE(faults().empty());
  bool names_the_line = false;
  for (const std::string& fault : faults()) {
    names_the_line |= fault.find("kernel 'racy_reverse': program_source.metal:26: race:") != std::string::npos;
  }
  EXPECT_TRUE(names_the_line) << text_of_faults();
  clear_faults();
}

TEST_F(Encoders, OutOfBoundsEndsTheCommandBuffer) {
  Owned pipeline = Bench::pipeline("store_at");
  Id commands = Bench::commands();
  Id encoder = encoder_with(pipeline, commands);
  set_bytes(encoder, 63U, 1);
  dispatch(encoder, {1}, {1});
  set_bytes(encoder, 64U, 1);
  dispatch(encoder, {1}, {1});
  encode_scale(encoder, x_, y_, 5);  // never runs
  end(encoder);
  run(commands);
  EXPECT_EQ(contents(x_)[63], 1.0F);
  EXPECT_EQ(contents(y_)[1], 1.0F);
  EXPECT_EQ(status(commands), kError);
  EXPECT_EQ(send<long>(send(commands, "error"), "code"), static_cast<long>(CommandError::kPageFault));
  expect_faults({"out of bounds"});
  Id next = Bench::commands();
  run(next);
  EXPECT_EQ(status(next), kCompleted);
}

TEST_F(Encoders, BlitsCopyAndFill) {
  Id commands = Bench::commands();
  Id blit = send(commands, "blitCommandEncoder");
  constexpr const char* kCopy = "copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:";
  send<void, Id, unsigned long, Id>(blit, kCopy, x_, 128, y_, 0UL, 128UL);
  send<void, Id>(blit, "fillBuffer:range:value:", x_, Range{0, 16}, static_cast<unsigned char>(0));
  expect_faults({});
  send<void, Id, unsigned long, Id>(blit, kCopy, x_, 128, y_, 0UL, 256UL);
  send<void, Id, unsigned long, Id>(blit, kCopy, x_, 0, x_, 4UL, 8UL);
  send<void, Id>(blit, "fillBuffer:range:value:", x_, Range{2, 16}, static_cast<unsigned char>(0));
  end(blit);
  run(commands);
  EXPECT_EQ(contents(y_)[0], 32.0F);
  EXPECT_EQ(contents(x_)[3], 0.0F);
  EXPECT_EQ(contents(x_)[4], 4.0F);
  expect_faults({"256 bytes at 128 of MTLBuffer '', which has 256", "the ranges overlap", "must be multiples of 4"});
}

}  // namespace
}  // namespace softmetal::test
