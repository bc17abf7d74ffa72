// SPDX-License-Identifier: Apache-2.0
// The queue between handler and connection, without a connection.
#include "serving/http/response_queue.h"

#include <gtest/gtest.h>

namespace marlin::http {
namespace {

class ResponseQueueTest : public ::testing::Test {
 protected:
  int n_wakes_ = 0;
  ResponseQueue queue_{{.max_pending_bytes = 10, .head_only = false, .wake = [this] { ++n_wakes_; }}};
};

TEST_F(ResponseQueueTest, WakesOnceUntilTaken) {
  EXPECT_TRUE(queue_.begin_stream({}, ""));
  EXPECT_TRUE(queue_.write("a"));
  EXPECT_TRUE(queue_.write("b"));
  EXPECT_EQ(n_wakes_, 1);
  const ResponseQueue::Batch batch = queue_.take();
  EXPECT_TRUE(batch.head && batch.head->is_stream);
  EXPECT_EQ(batch.bytes, "ab");
  EXPECT_FALSE(batch.finished);
  EXPECT_TRUE(queue_.end());
  EXPECT_EQ(n_wakes_, 2);
  EXPECT_TRUE(queue_.take().finished);
}

TEST_F(ResponseQueueTest, BytesArePendingUntilTheyAreWritten) {
  EXPECT_TRUE(queue_.begin_stream({}, ""));
  EXPECT_TRUE(queue_.write("123456"));
  queue_.take();
  EXPECT_EQ(queue_.pending_bytes(), 6U);
  queue_.written(6);
  EXPECT_EQ(queue_.pending_bytes(), 0U);
  EXPECT_TRUE(queue_.write("1234567890"));
  EXPECT_EQ(queue_.take().bytes, "1234567890");
  EXPECT_FALSE(queue_.write("1"));
}

// The connection may be in the middle of a write when the stream outgrows its limit.
TEST_F(ResponseQueueTest, ABrokenStreamWakesAgain) {
  EXPECT_TRUE(queue_.begin_stream({}, ""));
  queue_.take();
  EXPECT_TRUE(queue_.write("1234567890"));
  EXPECT_EQ(n_wakes_, 2);
  EXPECT_FALSE(queue_.write("x"));
  EXPECT_EQ(n_wakes_, 3);
  EXPECT_EQ(queue_.pending_bytes(), 0U);
  EXPECT_TRUE(queue_.take().broken);
}

TEST_F(ResponseQueueTest, WhatIsFinishedSurvivesAClientThatLeaves) {
  EXPECT_TRUE(queue_.respond({200, "", "body", {}}));
  EXPECT_FALSE(queue_.client_left());
  EXPECT_EQ(queue_.take().bytes, "body");
}

TEST_F(ResponseQueueTest, NothingWakesAfterClose) {
  int n_calls = 0;
  queue_.on_closed([&] { ++n_calls; });
  queue_.close();
  queue_.close();
  EXPECT_EQ(n_calls, 1);
  EXPECT_FALSE(queue_.respond({}));
  queue_.abandon();
  EXPECT_EQ(n_wakes_, 0);
}

}  // namespace
}  // namespace marlin::http
