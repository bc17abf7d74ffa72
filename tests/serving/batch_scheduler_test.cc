// SPDX-License-Identifier: Apache-2.0
// The scheduler with a device made of bookkeeping: every cache row remembers the text that it was computed from, every
// row of a plan checks that it sees its own text and nothing else, and the next token is a function of that text. What
// a sequence generates must then be what it generates alone, whatever is shared, preempted or cut.
#include "serving/batch_scheduler.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "base/error.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

constexpr std::int64_t kBlock = 4;

std::uint64_t extend(std::uint64_t text, std::int32_t token) {
  return (text ^ static_cast<std::uint64_t>(token + 1)) * 0x9E3779B97F4A7C15 + 1;
}

std::int32_t next_token(std::uint64_t text) { return static_cast<std::int32_t>(text >> 40) % 50; }

/// What a sequence generates alone.
std::vector<std::int32_t> generate_alone(const std::vector<std::int32_t>& prompt, std::size_t n) {
  std::uint64_t text = 0;
  for (const std::int32_t token : prompt) text = extend(text, token);
  std::vector<std::int32_t> generated;
  while (generated.size() < n) {
    generated.push_back(next_token(text));
    text = extend(text, generated.back());
  }
  return generated;
}

class Simulation {
 public:
  Simulation(const SchedulerLimits& limits, std::int64_t n_blocks)
      : limits_(limits),
        blocks(n_blocks, kBlock),
        scheduler(limits, blocks),
        cache_(static_cast<std::size_t>(n_blocks * kBlock)) {}

  SequenceId add(const std::vector<std::int32_t>& prompt, std::size_t n, int priority = 0, bool by_token = false,
                 bool scored = false) {
    const SequenceId id = scheduler.add({.prompt = prompt,
                                         .max_length = static_cast<std::int64_t>(prompt.size() + n),
                                         .priority = priority,
                                         .token_by_token = by_token,
                                         .scored = scored});
    live_[id] = {.prompt = prompt, .wanted = n, .scored = scored};
    return id;
  }

  void cancel(SequenceId id) {
    scheduler.remove(id);
    live_.erase(id);
  }

  /// Makes and computes a plan; then reports the tokens of all but the `ahead` latest plans. Returns the plan's rows.
  std::int64_t step(std::size_t ahead = 0) {
    const BatchPlan& plan = scheduler.plan();
    EXPECT_LE(plan.n_rows, limits_.max_batch_tokens);
    EXPECT_LE(plan.rows.size(), static_cast<std::size_t>(limits_.max_batch_size));
    std::vector<std::pair<SequenceId, std::int32_t>> chosen;
    std::int64_t n_rows = 0;
    std::int64_t n_logit_rows = 0;
    for (const PlannedRows& rows : plan.rows) {
      n_rows += rows.n_rows;
      n_logit_rows += rows.n_logit_rows;
      compute(rows, chosen);
    }
    EXPECT_EQ(n_rows, plan.n_rows);
    EXPECT_EQ(n_logit_rows, plan.n_logit_rows);
    EXPECT_LE(n_logit_rows, limits_.max_batch_size);
    last_plan.assign(plan.rows.begin(), plan.rows.end());
    pending_.push_back(std::move(chosen));
    while (pending_.size() > ahead) {
      for (const auto& [id, token] : pending_.front()) see(id, token);
      pending_.pop_front();
    }
    return n_rows;
  }

  void run(std::size_t ahead = 0) {
    for (int i = 0; !live_.empty(); ++i) {
      ASSERT_LT(i, 100000) << "it never ends";
      step(ahead);
    }
  }

  [[nodiscard]] bool lives(SequenceId id) const { return live_.contains(id); }

 private:
  struct Live {
    std::vector<std::int32_t> prompt;
    std::size_t wanted = 0;
    bool scored = false;
    std::size_t n_scored = 0;               // rows of the prompt that gave logits
    std::vector<std::int32_t> chosen = {};  // by the device
    std::size_t n_seen = 0;
  };

  void compute(const PlannedRows& rows, std::vector<std::pair<SequenceId, std::int32_t>>& chosen) {
    Live& live = live_.at(rows.sequence);
    std::vector<std::int32_t> all = live.prompt;
    all.insert(all.end(), live.chosen.begin(), live.chosen.end());
    const auto end = static_cast<std::size_t>(rows.start + rows.n_rows);
    ASSERT_LE(end, all.size());
    ASSERT_LE(end, rows.blocks.size() * kBlock);
    ASSERT_GE(rows.tokens.size() + 1, static_cast<std::size_t>(rows.n_rows)) << "one token may be pending";
    for (std::size_t i = 0; i < rows.tokens.size(); ++i) {
      ASSERT_EQ(rows.tokens[i], all[static_cast<std::size_t>(rows.start) + i]);
    }
    std::uint64_t text = 0;
    for (std::size_t position = 0; position < end; ++position) {
      text = extend(text, all[position]);
      std::uint64_t& row = cache_[rows.blocks[position / kBlock] * kBlock + position % kBlock];
      if (static_cast<std::int64_t>(position) >= rows.start) row = text;
      ASSERT_EQ(row, text) << "sequence " << rows.sequence << " does not see its position " << position;
    }
    ASSERT_EQ(rows.samples, end == all.size());
    score(rows, live, end);
    if (!rows.samples) return;
    live.chosen.push_back(next_token(text));
    chosen.emplace_back(rows.sequence, live.chosen.back());
  }

  /// Rows of a prompt that is scored give logits, each once and in order; of other rows those that sample do.
  static void score(const PlannedRows& rows, Live& live, std::size_t end) {
    if (live.scored && live.n_scored < live.prompt.size()) {
      ASSERT_LE(static_cast<std::size_t>(rows.start), live.n_scored);
      ASSERT_EQ(static_cast<std::size_t>(rows.n_logit_rows), end - std::min(end, live.n_scored));
      live.n_scored = std::max(live.n_scored, end);
    } else {
      ASSERT_EQ(rows.n_logit_rows, rows.samples ? 1 : 0);
    }
  }

  void see(SequenceId id, std::int32_t token) {
    const auto found = live_.find(id);
    if (found == live_.end()) return;  // cancelled
    Live& live = found->second;
    scheduler.token_chosen(id, token);
    if (++live.n_seen < live.wanted) return;
    live.chosen.resize(live.wanted);
    EXPECT_EQ(live.chosen, generate_alone(live.prompt, live.wanted)) << "sequence " << id;
    EXPECT_EQ(live.n_scored, live.scored ? live.prompt.size() : 0U);
    scheduler.remove(id);
    live_.erase(found);
  }

  SchedulerLimits limits_;

 public:
  BlockAllocator blocks;
  BatchScheduler scheduler;
  std::vector<PlannedRows> last_plan;  // without its views

 private:
  std::vector<std::uint64_t> cache_;
  std::map<SequenceId, Live> live_;
  std::deque<std::vector<std::pair<SequenceId, std::int32_t>>> pending_;
};

std::vector<std::int32_t> prompt_of(std::size_t n, std::int32_t seed) {
  std::vector<std::int32_t> prompt;
  for (std::size_t i = 0; i < n; ++i) prompt.push_back(static_cast<std::int32_t>((i * 7 + i / 5 + 1) % 50) ^ seed);
  return prompt;
}

TEST(BatchScheduler, GeneratingSequencesComeBeforePrompts) {
  Simulation simulation({.max_batch_size = 4, .max_batch_tokens = 10}, 100);
  const SequenceId first = simulation.add(prompt_of(3, 1), 20);
  EXPECT_EQ(simulation.step(), 3);
  const SequenceId second = simulation.add(prompt_of(30, 2), 5);
  for (const std::int64_t rows : {10, 10, 10, 4}) {
    EXPECT_EQ(simulation.step(), rows);
    EXPECT_EQ(simulation.last_plan[0].sequence, first);
    EXPECT_EQ(simulation.last_plan[0].n_rows, 1);
    EXPECT_EQ(simulation.last_plan[1].sequence, second);
  }
  simulation.run();
}

TEST(BatchScheduler, JoinsUpToTheBatchSizeInOrderOfPriorityThenArrival) {
  Simulation simulation({.max_batch_size = 2, .max_batch_tokens = 64}, 100);
  const SequenceId low = simulation.add(prompt_of(5, 1), 3, -1);
  const SequenceId first = simulation.add(prompt_of(5, 2), 3);
  const SequenceId second = simulation.add(prompt_of(5, 3), 3);
  const SequenceId urgent = simulation.add(prompt_of(5, 4), 6, 5);
  simulation.step();
  EXPECT_EQ(simulation.scheduler.statistics().n_running, 2);
  EXPECT_EQ(simulation.scheduler.statistics().n_waiting, 2);
  EXPECT_EQ(simulation.last_plan[0].sequence, urgent);
  EXPECT_EQ(simulation.last_plan[1].sequence, first);
  while (simulation.lives(first)) simulation.step();
  simulation.step();
  EXPECT_TRUE(simulation.lives(low) && simulation.lives(second));
  EXPECT_EQ(simulation.last_plan.back().sequence, second) << "before the one of low priority that came first";
  simulation.run();
}

TEST(BatchScheduler, APromptThatWasSeenBeforeIsNotComputedAgain) {
  Simulation simulation({.max_batch_size = 4, .max_batch_tokens = 64}, 100);
  std::vector<std::int32_t> prompt = prompt_of(18, 3);
  simulation.add(prompt, 6);
  simulation.run();
  // the next turn of a chat
  const std::vector<std::int32_t> answer = generate_alone(prompt, 6);
  prompt.insert(prompt.end(), answer.begin(), answer.end());
  prompt.push_back(7);
  const SequenceId id = simulation.add(prompt, 4);
  EXPECT_EQ(simulation.step(), 5) << "of 25 tokens 5 blocks are held: the last token chosen was never computed";
  EXPECT_EQ(simulation.scheduler.cached_tokens(id), 20);
  simulation.run();
  const SequenceId again = simulation.add(prompt, 4);
  EXPECT_EQ(simulation.step(), 1) << "the last token is computed, for its logits";
  EXPECT_EQ(simulation.scheduler.cached_tokens(again), 24);
  EXPECT_EQ(simulation.scheduler.statistics().cached_tokens, 44U);
  simulation.run();
}

TEST(BatchScheduler, WithoutBlocksTheLatestSequenceIsPreemptedAndResumed) {
  Simulation simulation({.max_batch_size = 3, .max_batch_tokens = 64}, 10);
  const SequenceId first = simulation.add(prompt_of(8, 1), 24);
  const SequenceId second = simulation.add(prompt_of(8, 2), 24);
  while (simulation.scheduler.statistics().n_preemptions == 0) simulation.step();
  EXPECT_EQ(simulation.scheduler.statistics().n_running, 1);
  EXPECT_EQ(simulation.last_plan[0].sequence, first);
  simulation.run();
  EXPECT_FALSE(simulation.lives(second));
  EXPECT_EQ(simulation.blocks.n_available(), 10);
}

TEST(BatchScheduler, ATokenByTokenSequenceWaitsForItsTokens) {
  Simulation simulation({.max_batch_size = 2, .max_batch_tokens = 64}, 20);
  const SequenceId constrained = simulation.add(prompt_of(4, 1), 8, 0, true);
  const SequenceId free = simulation.add(prompt_of(4, 2), 8);
  simulation.step(1);
  simulation.step(1);
  ASSERT_EQ(simulation.last_plan.size(), 1U);
  EXPECT_EQ(simulation.last_plan[0].sequence, free);
  simulation.step(1);
  EXPECT_EQ(simulation.last_plan.size(), 2U);
  EXPECT_TRUE(simulation.lives(constrained));
  simulation.run(1);
}

TEST(BatchScheduler, AScoredSequenceTakesTheLogitRowsOfNobodyElse) {
  Simulation simulation({.max_batch_size = 4, .max_batch_tokens = 64}, 100);
  const SequenceId scored = simulation.add(prompt_of(21, 1), 2, 0, false, /*scored=*/true);
  EXPECT_EQ(simulation.step(), 4) << "alone it has all";
  const SequenceId other = simulation.add(prompt_of(30, 2), 3);
  EXPECT_EQ(simulation.step(), 33) << "a prompt joins at once";
  ASSERT_EQ(simulation.last_plan.size(), 2U);
  EXPECT_EQ(simulation.last_plan[0].sequence, scored);
  EXPECT_EQ(simulation.last_plan[0].n_logit_rows, 3);
  EXPECT_TRUE(simulation.last_plan[1].samples);
  EXPECT_EQ(simulation.step(), 4);
  EXPECT_EQ(simulation.last_plan[0].sequence, other) << "who generates comes first";
  EXPECT_EQ(simulation.step(), 4);
  EXPECT_FALSE(simulation.lives(other));
  EXPECT_EQ(simulation.step(), 4);
  EXPECT_EQ(simulation.step(), 4) << "of 21 rows the last four";
  EXPECT_TRUE(simulation.last_plan[0].samples);
  simulation.run();
}

TEST(BatchScheduler, ManyScoredSequencesDoNotHoldUpOneThatWaits) {
  Simulation simulation({.max_batch_size = 4, .max_batch_tokens = 64}, 100);
  for (std::int32_t i = 0; i < 3; ++i) simulation.add(prompt_of(40, i), 1, 0, false, /*scored=*/true);
  EXPECT_EQ(simulation.step(), 4);
  const SequenceId other = simulation.add(prompt_of(1, 5), 3);
  EXPECT_EQ(simulation.step(), 4) << "each has a row";
  EXPECT_EQ(simulation.last_plan.back().sequence, other);
  EXPECT_TRUE(simulation.last_plan.back().samples);
  simulation.run();
}

TEST(BatchScheduler, WhatTheCacheHoldsIsScoredAllTheSame) {
  Simulation simulation({.max_batch_size = 3, .max_batch_tokens = 64}, 20);
  const std::vector<std::int32_t> prompt = prompt_of(17, 3);
  simulation.add(prompt, 1);
  simulation.run();
  const SequenceId scored = simulation.add(prompt, 9, 0, false, /*scored=*/true);
  EXPECT_EQ(simulation.step(), 3);
  EXPECT_EQ(simulation.scheduler.cached_tokens(scored), 0);
  simulation.run();
}

TEST(BatchScheduler, APreemptedSequenceIsScoredWhereItWasLeft) {
  Simulation simulation({.max_batch_size = 3, .max_batch_tokens = 64}, 14);
  const SequenceId urgent = simulation.add(prompt_of(8, 1), 29, /*priority=*/1);  // comes to have nine blocks
  const SequenceId scored = simulation.add(prompt_of(40, 3), 1, 0, false, /*scored=*/true);
  while (simulation.lives(urgent)) simulation.step();
  EXPECT_EQ(simulation.scheduler.statistics().n_preemptions, 1U);
  simulation.step();
  EXPECT_GT(simulation.scheduler.cached_tokens(scored), 0) << "of what was scored";
  simulation.run();
}

TEST(BatchScheduler, RefusesWhatCouldNeverFit) {
  Simulation simulation({}, 4);
  const Error error = test::error_of([&] { simulation.add(prompt_of(8, 1), 9); });
  EXPECT_EQ(error.code(), ErrorCode::kContextOverflow);
  EXPECT_NE(std::string(error.what()).find("--num-kv-blocks"), std::string::npos) << error.what();
  simulation.add(prompt_of(8, 1), 8);
  simulation.run();
}

TEST(BatchScheduler, AfterAFailureEverythingIsComputedAgain) {
  Simulation simulation({.max_batch_size = 2, .max_batch_tokens = 64}, 20);
  simulation.add(prompt_of(9, 1), 8);
  simulation.step();
  simulation.step();
  simulation.scheduler.forget_computed();
  EXPECT_EQ(simulation.blocks.n_available(), 20);
  EXPECT_EQ(simulation.step(), 11) << "prompt and both tokens";
  simulation.run();
}

/// Random arrivals, lengths, priorities, shared beginnings and cancellations, with too few blocks for all.
TEST(BatchScheduler, EverySequenceGeneratesWhatItWouldAlone) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t n) { return static_cast<std::size_t>(random() % n); };
    const auto batch_size = static_cast<std::int64_t>(1 + below(8));
    const auto n_blocks = static_cast<std::int64_t>(24 + below(60));
    Simulation simulation(
        {.max_batch_size = batch_size, .max_batch_tokens = batch_size + static_cast<std::int64_t>(below(30))},
        n_blocks);
    const std::size_t ahead = seed % 2;
    std::vector<SequenceId> ids;
    for (int i = 0; i < 60; ++i) {
      if (below(3) == 0) {
        std::vector<std::int32_t> prompt = prompt_of(below(40), static_cast<std::int32_t>(below(3)));
        prompt.push_back(static_cast<std::int32_t>(below(50)));
        ids.push_back(simulation.add(prompt, 1 + below(40), static_cast<int>(below(3)), below(4) == 0, below(4) == 0));
      }
      if (!ids.empty() && below(20) == 0) {
        const SequenceId id = ids[below(static_cast<std::uint32_t>(ids.size()))];
        if (simulation.lives(id)) simulation.cancel(id);
      }
      simulation.step(ahead);
    }
    simulation.run(ahead);
    EXPECT_EQ(simulation.blocks.n_available(), n_blocks) << "every block came back";
    EXPECT_TRUE(simulation.scheduler.is_idle());
    EXPECT_EQ(simulation.scheduler.statistics().n_running, 0);
    EXPECT_EQ(simulation.scheduler.statistics().n_waiting, 0);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace marlin
