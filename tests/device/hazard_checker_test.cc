// SPDX-License-Identifier: Apache-2.0
// The judge of orders: it accepts what the planner plans, misses no barrier that is left out, and keeps the host away
// from what the device has in hand.
#include "device/hazard_checker.h"

#include <gtest/gtest.h>

#include <array>
#include <bitset>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/device/fake_buffer.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

constexpr std::array<std::string_view, 12> kKernels = {"kernel_a", "kernel_b", "kernel_c", "kernel_d",
                                                       "kernel_e", "kernel_f", "kernel_g", "kernel_h",
                                                       "kernel_i", "kernel_j", "kernel_k", "kernel_l"};

bool contains(const Error& error, std::string_view part) {
  return std::string_view(error.what()).find(part) != std::string_view::npos;
}

/// Dispatch i of a sequence is kKernels[i].
using Sequence = std::vector<std::vector<Binding>>;

/// Random dispatches over four buffers, two of which share memory. All addresses are below 256.
class RandomSequences {
 public:
  Sequence next() {
    Sequence sequence(2 + below(kKernels.size() - 1));
    for (std::vector<Binding>& bindings : sequence) {
      bindings.resize(1 + below(3));
      for (Binding& binding : bindings) binding = {range(), static_cast<Access>(below(3))};
    }
    return sequence;
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }

  BufferView range() {
    test::FakeBuffer& buffer = buffers_[below(buffers_.size())];
    const std::size_t bytes = below(buffer.size_bytes() + 1);  // nothing at all included
    return buffer.view(below(buffer.size_bytes() - bytes + 1), bytes);
  }

  std::mt19937 random_{20240607};
  std::array<test::FakeBuffer, 4> buffers_ = {{{"a", 0, 60}, {"b", 60, 40}, {"c", 80, 60}, {"d", 200, 50}}};
};

/// The same question asked byte by byte.
bool conflict(const std::vector<Binding>& a, const std::vector<Binding>& b) {
  struct Bytes {
    std::bitset<256> touched;
    std::bitset<256> written;
  };
  const auto bytes_of = [](const std::vector<Binding>& bindings) {
    Bytes bytes;
    for (const Binding& binding : bindings) {
      for (std::size_t i = 0; i < binding.view.bytes; ++i) {
        bytes.touched.set(binding.view.device_address() + i);
        if (binding.access != Access::kRead) bytes.written.set(binding.view.device_address() + i);
      }
    }
    return bytes;
  };
  const Bytes first = bytes_of(a);
  const Bytes second = bytes_of(b);
  return ((first.written & second.touched) | (first.touched & second.written)).any();
}

std::vector<bool> plan(const Sequence& sequence) {
  BarrierPlanner planner;
  std::vector<bool> barriers;
  for (const auto& bindings : sequence) barriers.push_back(planner.next(bindings));
  return barriers;
}

void feed(const Sequence& sequence, const std::vector<bool>& barriers) {
  HazardChecker checker;
  for (std::size_t i = 0; i < sequence.size(); ++i) checker.dispatch(1, kKernels[i], sequence[i], barriers[i]);
}

constexpr int kSequences = 5000;

TEST(BarriersOfRandomDispatches, AreThoseThatAreNeeded) {
  RandomSequences sequences;
  for (int n = 0; n < kSequences; ++n) {
    const Sequence sequence = sequences.next();
    const std::vector<bool> barriers = plan(sequence);
    std::size_t since_barrier = 0;
    for (std::size_t i = 0; i < sequence.size(); ++i) {
      bool needed = false;
      for (std::size_t j = since_barrier; j < i; ++j) needed = needed || conflict(sequence[j], sequence[i]);
      ASSERT_EQ(barriers[i], needed) << "sequence " << n << ", dispatch " << i;
      if (needed) since_barrier = i;
    }
  }
}

TEST(BarriersOfRandomDispatches, AreNeverReported) {
  RandomSequences sequences;
  for (int n = 0; n < kSequences; ++n) {
    const Sequence sequence = sequences.next();
    ASSERT_NO_THROW(feed(sequence, plan(sequence))) << "sequence " << n;
  }
}

TEST(BarriersOfRandomDispatches, AreMissedWhenLeftOutAndBothKernelsAreNamed) {
  RandomSequences sequences;
  int n_left_out = 0;
  for (int n = 0; n < kSequences; ++n) {
    const Sequence sequence = sequences.next();
    const std::vector<bool> barriers = plan(sequence);
    std::size_t since_barrier = 0;
    for (std::size_t i = 0; i < sequence.size(); ++i) {
      if (!barriers[i]) continue;
      std::vector<bool> fewer = barriers;
      fewer[i] = false;
      const Error error = test::error_of([&] { feed(sequence, fewer); });
      ASSERT_EQ(error.code(), ErrorCode::kInternal);
      ASSERT_TRUE(contains(error, kKernels[i])) << error.what();
      bool named = false;  // one of those it must not overlap
      for (std::size_t j = since_barrier; j < i; ++j) {
        named = named || (contains(error, kKernels[j]) && conflict(sequence[j], sequence[i]));
      }
      ASSERT_TRUE(named) << error.what();
      since_barrier = i;
      ++n_left_out;
    }
  }
  EXPECT_GT(n_left_out, kSequences) << "the sequences hardly conflict: a weak test";
}

class HazardCheckerTest : public ::testing::Test {
 protected:
  void dispatch(std::uint64_t commands, std::string_view kernel, std::initializer_list<Binding> bindings,
                bool barrier = false) {
    checker_.dispatch(commands, kernel, std::span(bindings.begin(), bindings.size()), barrier);
  }

  /// What is said about the host's access to these bytes.
  std::string refused(const test::FakeBuffer& buffer, std::size_t offset, std::size_t bytes, bool writes) {
    const Error error = test::error_of([&] { checker_.host_access(buffer, offset, bytes, writes); });
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
    return error.what();
  }

  void allowed(const test::FakeBuffer& buffer, std::size_t offset, std::size_t bytes, bool writes) {
    EXPECT_NO_THROW(checker_.host_access(buffer, offset, bytes, writes)) << offset << "+" << bytes;
  }

  static void expect_parts(const std::string& text, std::initializer_list<const char*> parts) {
    for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
  }

  HazardChecker checker_;
  test::FakeBuffer in_{"the input", 0x1000, 256};
  test::FakeBuffer out_{"the output", 0x2000, 256};
};

TEST_F(HazardCheckerTest, ReportsWhatIsDoneToWhichBytes) {
  dispatch(1, "producer", {writes(out_.whole())});
  const Error error = test::error_of([&] { dispatch(1, "consumer", {reads(out_.view(16, 8))}); });
  EXPECT_EQ(error.code(), ErrorCode::kInternal);
  expect_parts(error.what(), {"consumer reads", "'the output' bytes 16+8", "producer writes"});
}

TEST_F(HazardCheckerTest, CommandBuffersAreOrderedWithoutBarriers) {
  dispatch(1, "producer", {writes(out_.whole())});
  EXPECT_NO_THROW(dispatch(2, "consumer", {updates(out_.whole())}));
  EXPECT_THROW(dispatch(1, "late", {reads(out_.whole())}), Error) << "each remembers its own";
  EXPECT_NO_THROW(dispatch(1, "late", {reads(out_.whole())}, /*barrier=*/true));
}

TEST_F(HazardCheckerTest, ACommandBufferThatEndedIsForgotten) {
  dispatch(1, "producer", {writes(out_.whole())});
  checker_.ended(1);
  EXPECT_NO_THROW(dispatch(1, "again", {writes(out_.whole())}));
}

TEST_F(HazardCheckerTest, TheHostMayNotReadWhatAnUnfinishedCommandBufferWrites) {
  dispatch(1, "producer", {reads(in_.whole()), writes(out_.view(64, 64))});
  checker_.committed(1, "layers 0-11");
  expect_parts(refused(out_, 64, 64, /*writes=*/false),
               {"host reads", "producer", "'layers 0-11'", "'the output'", "64+64"});
  refused(out_, 127, 1, /*writes=*/false);
  refused(out_, 0, 65, /*writes=*/false);
  refused(out_, 0, 256, /*writes=*/false);
}

TEST_F(HazardCheckerTest, TheHostMayNotWriteWhatAnUnfinishedCommandBufferTouches) {
  dispatch(1, "producer", {reads(in_.whole()), writes(out_.view(64, 64))});
  checker_.committed(1, "layers 0-11");
  expect_parts(refused(in_, 0, 4, /*writes=*/true),
               {"host writes", "producer", "reads", "'layers 0-11'", "'the input'"});
  expect_parts(refused(out_, 64, 4, /*writes=*/true), {"host writes", "producer", "'layers 0-11'", "'the output'"});
}

TEST_F(HazardCheckerTest, TheHostMayReadWhatIsOnlyRead) {
  dispatch(1, "producer", {reads(in_.whole()), writes(out_.whole())});
  checker_.committed(1, "layers 0-11");
  allowed(in_, 0, 256, /*writes=*/false);
}

TEST_F(HazardCheckerTest, TheHostMayTouchOtherRanges) {
  dispatch(1, "producer", {reads(in_.view(0, 64)), writes(out_.view(64, 64))});
  checker_.committed(1, "layers 0-11");
  for (const bool writes : {false, true}) {
    allowed(in_, 64, 192, writes);
    allowed(out_, 0, 64, writes);
    allowed(out_, 128, 128, writes);
    allowed(out_, 100, 0, writes);  // nothing at all
  }
}

TEST_F(HazardCheckerTest, BarriersDoNotFreeTheHost) {
  dispatch(1, "producer", {writes(out_.whole())});
  dispatch(1, "consumer", {reads(out_.whole()), writes(in_.whole())}, /*barrier=*/true);
  checker_.committed(1, "layers 0-11");
  expect_parts(refused(out_, 0, 4, /*writes=*/false), {"producer"});
  expect_parts(refused(in_, 0, 4, /*writes=*/false), {"consumer"});
}

TEST_F(HazardCheckerTest, TheHostIsFreeBeforeTheCommitAndAfterTheEnd) {
  dispatch(1, "producer", {reads(in_.whole()), writes(out_.whole())});
  allowed(out_, 0, 256, /*writes=*/true);
  allowed(in_, 0, 256, /*writes=*/true);
  checker_.committed(1, "layers 0-11");
  refused(out_, 0, 256, /*writes=*/true);
  checker_.ended(1);
  allowed(out_, 0, 256, /*writes=*/true);
  allowed(in_, 0, 256, /*writes=*/true);
}

TEST_F(HazardCheckerTest, TheEndOfOneCommandBufferFreesOnlyItsOwn) {
  dispatch(1, "first", {writes(in_.whole())});
  dispatch(2, "second", {writes(out_.whole())});
  checker_.committed(1, "one");
  checker_.committed(2, "two");
  checker_.ended(1);
  allowed(in_, 0, 256, /*writes=*/true);
  expect_parts(refused(out_, 0, 256, /*writes=*/false), {"second", "'two'"});
}

TEST_F(HazardCheckerTest, AnotherBufferOverTheSameMemoryIsNoWayRound) {
  const test::FakeBuffer alias("alias", 0x2080, 256);
  dispatch(1, "producer", {writes(out_.whole())});
  checker_.committed(1, "layers 0-11");
  expect_parts(refused(alias, 127, 4, /*writes=*/false), {"'alias' bytes 127+4", "producer"});
  allowed(alias, 128, 128, /*writes=*/false);
}

TEST_F(HazardCheckerTest, ViewsAskIt) {
  // the fixture owns it
  out_.set_hazard_checker(std::shared_ptr<const HazardChecker>(std::shared_ptr<void>(), &checker_));
  dispatch(1, "producer", {writes(out_.view(0, 64))});
  checker_.committed(1, "layers 0-11");
  const auto read = [](const BufferView& view) { static_cast<void>(view.host_read<float>()); };
  const auto write = [](const BufferView& view) { static_cast<void>(view.host_write<float>()); };
  EXPECT_THROW(read(out_.view(60, 4)), Error);
  EXPECT_THROW(write(out_.view(60, 4)), Error);
  EXPECT_NO_THROW(read(out_.view(64, 4)));
  EXPECT_NO_THROW(write(out_.view(64, 4)));
}

}  // namespace
}  // namespace marlin
