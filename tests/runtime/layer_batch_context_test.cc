// SPDX-License-Identifier: Apache-2.0
// How layers become commits, what an exception leaves behind, and that encoding overlaps execution.
#include "runtime/layer_batch_context.h"

#include <gtest/gtest.h>

#include "abi/copy.h"
#include "tests/runtime/runtime_test.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class LayerBatches : public test::RuntimeTest {
 protected:
  /// One forward pass of n_layers layers with one copy each, one before and one after.
  BatchId forward(std::int64_t n_layers, const CommitPolicy& policy) {
    const auto a = BufferView{memory(), 0, 32};
    const auto b = BufferView{memory(), 32, 32};
    LayerBatchContext batch(manager(), dispatcher_, policy);
    batch.begin_stage(Stage::kEmbedding);
    ops::copy(batch.encoder(), a, b);
    for (std::int64_t i = 0; i < n_layers; ++i) {
      batch.begin_layer(i);
      batch.begin_stage(Stage::kAttention);
      ops::copy(batch.encoder(), a, b);
      if (work_) work_();
    }
    batch.begin_stage(Stage::kHead);
    ops::copy(batch.encoder(), a, b);
    return batch.finish();
  }

  Buffer* memory() {
    if (!memory_) memory_ = device().allocate(64, "memory");
    return memory_.get();
  }

  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const Timeline::Entry& entry : instruments().timeline().take()) names.push_back(entry.name);
    return names;
  }

  BatchedDispatcher dispatcher_{instruments()};
  std::function<void()> work_;  // what the host does besides, per layer

 private:
  std::unique_ptr<Buffer> memory_;
};
MARLIN_ON_EVERY_STAND_IN(LayerBatches);

TEST_P(LayerBatches, CommitsPerForward) {
  create({});
  struct Case {
    std::int64_t n_layers;
    std::int64_t layers_per_commit;
    std::uint64_t commits;
  };
  for (const Case& c : {Case{47, 1, 47},
                        {47, 8, 6},
                        {47, 12, 4},
                        {47, 47, 1},
                        {47, 1000, 1},
                        {48, 12, 4},
                        {1, 12, 1},
                        {0, 12, 1},
                        {13, 12, 2}}) {
    SCOPED_TRACE(fmt::format("{} layers at {}", c.n_layers, c.layers_per_commit));
    const Counters before = instruments().counters();
    manager().wait(forward(c.n_layers, {.layers_per_commit = c.layers_per_commit}));
    const Counters counters = instruments().counters() - before;
    EXPECT_EQ(counters.commits, c.commits);
    EXPECT_EQ(counters.dispatches, static_cast<std::uint64_t>(c.n_layers) + 2) << "all of them, the head included";
    EXPECT_EQ(counters.waits, 1U) << "this test's own";
  }
}

TEST_P(LayerBatches, NamesLayerRanges) {
  create({});
  instruments().timeline().record(true);
  manager().wait(forward(21, {.layers_per_commit = 8}));
  EXPECT_EQ(names(), (std::vector<std::string>{"layers 0-7", "layers 8-15", "layers 16-20"}));
  manager().wait(forward(2, {.layers_per_commit = 1}));
  EXPECT_EQ(names(), (std::vector<std::string>{"layer 0", "layer 1"}));
}

TEST_P(LayerBatches, ProfilingCommitsEveryStage) {
  create({});
  instruments().timeline().record(true);
  manager().wait(forward(2, {.unit = CommitUnit::kStage}));
  EXPECT_EQ(names(),
            (std::vector<std::string>{"layer 0 embedding", "layer 0 attention", "layer 1 attention", "layer 1 head"}));
}

TEST_P(LayerBatches, ProfilingCommitsEveryDispatch) {
  create({});
  instruments().timeline().record(true);
  manager().wait(forward(2, {.unit = CommitUnit::kDispatch}));
  EXPECT_EQ(names(), std::vector<std::string>(4, "copy_f32"));
}

TEST_P(LayerBatches, AnExceptionLeavesNothingOpen) {
  create({});
  int layers = 0;
  work_ = [&] {
    if (++layers == 3) throw std::runtime_error("no more");
  };
  EXPECT_THROW(forward(5, {.layers_per_commit = 1}), std::runtime_error);
  EXPECT_TRUE(dispatcher_.empty());
  EXPECT_EQ(manager().committed(), 2U) << "whole groups before it are with the device";
  work_ = {};
  const BatchId end = forward(5, {.layers_per_commit = 12});
  EXPECT_EQ(end, 3U);
  EXPECT_NO_THROW(manager().wait(end));
}

TEST_P(LayerBatches, AnUnknownKernelLeavesNothingOpen) {
  create({});
  {
    LayerBatchContext batch(manager(), dispatcher_, {});
    batch.encoder().dispatch("no_such_kernel", abi::CopyArguments{0},
                             {reads(BufferView{memory(), 0, 4}), writes(BufferView{memory(), 4, 4})});
    EXPECT_EQ(test::error_of([&] { batch.finish(); }).code(), ErrorCode::kDevice);
  }
  EXPECT_TRUE(dispatcher_.empty());
  EXPECT_EQ(manager().committed(), 0U);
  EXPECT_NO_THROW(manager().wait(forward(1, {})));
}

TEST_P(LayerBatches, RefusesGroupsWithoutLayers) {
  create({});
  EXPECT_EQ(test::error_of([&] { forward(4, {.layers_per_commit = 0}); }).code(), ErrorCode::kInvalidArgument);
}

/// Length of the part of [begin, end) in which the device had some entry.
std::chrono::nanoseconds busy(const std::vector<Timeline::Entry>& entries, Clock::time_point begin,
                              Clock::time_point end) {
  Clock::time_point covered = begin;
  std::chrono::nanoseconds sum{0};
  for (const Timeline::Entry& entry : entries) {  // in the order of their execution
    const auto from = std::max(covered, entry.times.submitted);
    const auto to = std::min(end, entry.times.ended);
    if (from < to) {
      sum += to - from;
      covered = to;
    }
  }
  return sum;
}

// A device that takes 2 ms per group: the host encodes group N + 1 while group N executes. The host spends 50 us on
// each layer, so that there is something to overlap.
TEST_P(LayerBatches, EncodingOverlapsExecution) {
  create({.per_command_buffer = std::chrono::milliseconds(2), .computes = false});
  work_ = [] {
    const auto until = Clock::now() + std::chrono::microseconds(50);
    while (Clock::now() < until) {
    }
  };
  // A busy machine may take the processor away for longer than groups last: the best of a few tries counts.
  double best = 0;
  for (int attempt = 0; attempt < 10 && best <= 0.9; ++attempt) {
    instruments().timeline().record(true);
    const Counters before = instruments().counters();
    manager().wait(forward(47, {.layers_per_commit = 12}));
    const Counters counters = instruments().counters() - before;
    const std::vector<Timeline::Entry> entries = instruments().timeline().take();
    ASSERT_EQ(entries.size(), 4U);
    std::chrono::nanoseconds encodable{0};  // the first group has nothing to overlap with
    std::chrono::nanoseconds overlapped{0};
    for (std::size_t i = 1; i < entries.size(); ++i) {
      const BatchTimes& times = entries[i].times;
      encodable += times.committed - times.prepared;
      overlapped += busy(entries, times.prepared, times.committed);
    }
    EXPECT_EQ(counters.waits, 1U);
    best = std::max(best, static_cast<double>(overlapped.count()) / static_cast<double>(encodable.count()));
  }
  EXPECT_GT(best, 0.9);
  RecordProperty("overlap", std::to_string(best));
}

// The same without a clock: the device does not end group 0 before the host has encoded and committed all the others.
TEST_P(LayerBatches, NoGroupNeedsAnEarlierOneToEnd) {
  create({.fates = {{0, test::Fate::kHangs}}});
  instruments().timeline().record(true);
  const BatchId end = forward(47, {.layers_per_commit = 1});
  EXPECT_EQ(end, 47U);
  EXPECT_EQ(manager().completed(), 0U);
  EXPECT_EQ(instruments().counters().waits, 0U);
  stand_in().open();
  manager().wait(end);
  const std::vector<Timeline::Entry> entries = instruments().timeline().take();
  for (const Timeline::Entry& entry : entries) EXPECT_LE(entry.times.committed, entries.front().times.ended);
}

}  // namespace
}  // namespace marlin
