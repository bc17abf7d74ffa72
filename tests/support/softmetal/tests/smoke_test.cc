// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/support/softmetal/softmetal.h"
#include "tests/support/softmetal/tests/message.h"

using namespace softmetal;
using namespace softmetal::test;

TEST(Smoke, Runs) {
  softmetal::reset();
  {
    Pool pool;
    Owned device(MTLCreateSystemDefaultDevice());
    Owned queue(send(device, "newCommandQueue"));
    Id error = nullptr;
    Owned library(send<Id, Id, Id, Id*>(device, "newLibraryWithSource:options:error:", string(R"(
#include <metal_stdlib>
using namespace metal;
kernel void twice(device const float* x [[buffer(0)]], device float* y [[buffer(1)]], constant uint& n [[buffer(2)]],
                  uint i [[thread_position_in_grid]]) {
  if (i < n) y[i] = 2.0f * x[i];
})"),
                                        nullptr, &error));
    ASSERT_NE(static_cast<Id>(library), nullptr) << text_of(send(error, "localizedDescription"));
    Owned function(send(library, "newFunctionWithName:", string("twice")));
    Owned pipeline(send<Id, Id, Id*>(device, "newComputePipelineStateWithFunction:error:", function, &error));
    Owned x(send(device, "newBufferWithLength:options:", 400UL, 0UL));
    Owned y(send(device, "newBufferWithLength:options:", 400UL, 0UL));
    auto* in = static_cast<float*>(send(x, "contents"));
    for (int i = 0; i < 100; ++i) in[i] = static_cast<float>(i);
    Id commands = send(queue, "commandBuffer");
    Id encoder = send(commands, "computeCommandEncoder");
    send<void, Id>(encoder, "setComputePipelineState:", pipeline);
    send<void, Id>(encoder, "setBuffer:offset:atIndex:", x, 0UL, 0UL);
    send<void, Id>(encoder, "setBuffer:offset:atIndex:", y, 0UL, 1UL);
    unsigned n = 100;
    send<void, const void*>(encoder, "setBytes:length:atIndex:", &n, 4UL, 2UL);
    send<void>(encoder, "dispatchThreads:threadsPerThreadgroup:", Size{100}, Size{32});
    send<void>(encoder, "endEncoding");
    send<void>(commands, "commit");
    send<void>(commands, "waitUntilCompleted");
    auto* out = static_cast<float*>(send(y, "contents"));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(out[i], 2.0F * static_cast<float>(i));
  }
  EXPECT_EQ(text_of_faults(), "");
  EXPECT_TRUE(live_objects().empty());
  for (auto& [name, n] : live_objects()) printf("%s %ld\n", name.c_str(), n);
}
