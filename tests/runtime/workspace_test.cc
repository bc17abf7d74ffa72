// SPDX-License-Identifier: Apache-2.0
// The scratch memory of sublayers, and its bounds.
#include "runtime/workspace.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "backends/registry.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class WorkspaceTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Device> device_ = create_device(GetParam(), {.n_threads = 1});
};
INSTANTIATE_TEST_SUITE_P(Backends, WorkspaceTest, ::testing::ValuesIn(usable_backends()),
                         [](const auto& backend) { return backend.param; });

TEST_P(WorkspaceTest, GivesTheFirstFloats) {
  const Workspace workspace(*device_, 1000);
  const BufferView part = workspace.space(10);
  EXPECT_EQ(part.offset, 0U);
  EXPECT_EQ(part.bytes, 40U);
  const BufferView all = workspace.space(1000);
  EXPECT_EQ(all.bytes, 4000U);
  EXPECT_EQ(all.buffer, part.buffer) << "the same memory for every sublayer";
  EXPECT_EQ(all.buffer->size_bytes(), Workspace::bytes(1000));
  EXPECT_EQ(workspace.space(0).bytes, 0U);
}

TEST_P(WorkspaceTest, RefusesMoreThanWasPlanned) {
  const Workspace workspace(*device_, 1000);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  // whose sizes in bytes overflow, some of them to something small
  for (const std::int64_t n_floats : {std::int64_t{1001}, most, most / 2 + 1, most / 2 + 11, most / 4 * 3}) {
    EXPECT_EQ(test::error_of([&] { static_cast<void>(workspace.space(n_floats)); }).code(), ErrorCode::kInternal)
        << n_floats;
  }
}

TEST_P(WorkspaceTest, RefusesLessThanNothing) {
  const Workspace workspace(*device_, 1000);
  for (const std::int64_t n_floats : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(test::error_of([&] { static_cast<void>(workspace.space(n_floats)); }).code(), ErrorCode::kInternal);
  }
}

TEST_P(WorkspaceTest, MayBeEmpty) {
  const Workspace workspace(*device_, 0);
  EXPECT_EQ(workspace.space(0).bytes, 0U);
  EXPECT_EQ(test::error_of([&] { static_cast<void>(workspace.space(1)); }).code(), ErrorCode::kInternal);
}

TEST_P(WorkspaceTest, SaysWhenThereIsNoMemoryForThePlan) {
  EXPECT_EQ(test::error_of([&] { const Workspace workspace(*device_, std::int64_t{1} << 59); }).code(),
            ErrorCode::kOutOfMemory);
}

}  // namespace
}  // namespace marlin
