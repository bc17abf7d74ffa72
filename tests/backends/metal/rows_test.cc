// SPDX-License-Identifier: Apache-2.0
#include "ops/copy.h"
#include "tests/backends/metal/kernel_test.h"
#include "tests/ops/device_tensor.h"

namespace marlin {
namespace {

class MetalRows : public test::KernelTest {};
MARLIN_CHECKED_RUNS(MetalRows);

TEST_P(MetalRows, Copy) {
  const std::vector<float> values = {1, 2, 3, 4, 5};
  const test::DeviceTensor<float> source(device(), std::span<const float>(values));
  const test::DeviceTensor<float> target(device(), values.size());
  test::run_on(device(), [&](CommandBuffer& commands) { ops::copy(commands, source.view(), target.view()); });
  EXPECT_EQ(target.values(), values);
}

}  // namespace
}  // namespace marlin
