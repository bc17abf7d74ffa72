// SPDX-License-Identifier: Apache-2.0
// Forms batches from live sequences: continuous batching with chunked prefill over a paged cache. Pure bookkeeping; the
// serving loop asks for a plan, has it computed, and reports the tokens that come of it.
//
// A plan has a row for every sequence that generates, then as much of prompts as the token budget leaves, older ones
// first; sequences join and leave between plans. Order is by priority, then by arrival: a sequence gets cache blocks by
// taking them from those behind it in that order, who give up theirs and begin again later (what they computed may
// still be found in the cache). The first in order is therefore never stopped, and nobody starves.
//
// A sequence that is scored wants the logits of all rows of its prompt. Every sequence there is has one row of logits
// in a plan; those left over go to the sequences that are scored.
//
// A plan may be made before the tokens of the one before it are known: such a token is `pending`, and the device knows
// it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "serving/block_allocator.h"

namespace marlin {

using SequenceId = std::uint64_t;

struct SchedulerLimits {
  std::int64_t max_batch_size = 8;      ///< sequences that run at a time, and rows of a plan that give logits
  std::int64_t max_batch_tokens = 512;  ///< rows of a plan; at least max_batch_size
};

/// A sequence as it is handed in.
struct SequenceRequest {
  std::vector<std::int32_t> prompt;  ///< not empty
  std::int64_t max_length = 0;       ///< tokens it may come to have, prompt included
  int priority = 0;                  ///< higher ones come first
  bool token_by_token = false;       ///< its next row is planned only when its last token is known
  bool scored = false;               ///< every row of its prompt is to give logits, once
};

/// Rows of one sequence in a plan: positions start, start + 1 ... Views are valid until the next call of the scheduler.
struct PlannedRows {
  SequenceId sequence = 0;
  std::int64_t start = 0;
  std::int64_t n_rows = 0;
  std::int64_t n_logit_rows = 0;         ///< the last of them, which give logits
  bool samples = false;                  ///< a token is chosen after the last row
  std::span<const std::int32_t> tokens;  ///< of the rows; one less when the last is pending
  std::span<const BlockId> blocks;       ///< of the sequence, from its beginning
};

struct BatchPlan {
  std::vector<PlannedRows> rows;
  std::int64_t n_rows = 0;
  std::int64_t n_logit_rows = 0;
};

struct SchedulerStatistics {
  std::int64_t n_running = 0;
  std::int64_t n_waiting = 0;
  std::uint64_t n_preemptions = 0;
  std::uint64_t prompt_tokens = 0;  ///< of sequences when they began to run
  std::uint64_t cached_tokens = 0;  ///< of these, found in the cache
};

class BatchScheduler {
 public:
  /// `blocks` must outlive this.
  BatchScheduler(const SchedulerLimits& limits, BlockAllocator& blocks);

  /// Queues a sequence. Errors: kContextOverflow when all the blocks there are could not hold it.
  SequenceId add(SequenceRequest request);

  /// What to compute next, nothing if there is nothing to do; counts as computed from then on.
  const BatchPlan& plan();

  /// The token chosen by the oldest plan of the sequence that is still pending.
  void token_chosen(SequenceId sequence, std::int32_t token);

  /// Ends a sequence, whatever its state; its blocks are free for the plans that follow.
  void remove(SequenceId sequence);

  /// After a failure of the device: nothing that was computed is there any more, and nothing is pending. Logits that
  /// were planned are not planned again.
  void forget_computed();

  /// Prompt tokens that were found in the cache when the sequence last began to run.
  [[nodiscard]] std::int64_t cached_tokens(SequenceId sequence) const { return find(sequence).n_cached; }

  [[nodiscard]] bool is_idle() const { return sequences_.empty(); }
  [[nodiscard]] const SchedulerStatistics& statistics() const { return statistics_; }

 private:
  struct Sequence {
    SequenceRequest request;
    std::vector<std::int32_t> tokens;  // known
    std::int64_t n_pending = 0;
    std::int64_t n_computed = 0;
    std::int64_t n_to_score = 0;   // rows
    std::int64_t n_scored = 0;     // of these, planned at some time
    std::int64_t n_published = 0;  // blocks
    std::int64_t n_cached = 0;
    std::vector<BlockId> blocks;
    bool running = false;
    bool planned = false;  // in the plan being made

    [[nodiscard]] std::int64_t length() const { return static_cast<std::int64_t>(tokens.size()) + n_pending; }
    [[nodiscard]] std::int64_t rows_left() const;
    [[nodiscard]] std::int64_t first_logit_row() const { return n_scored < n_to_score ? n_scored : length() - 1; }
  };
  struct Order {
    int priority;
    SequenceId id;  // in order of arrival
    bool operator<(const Order& other) const {
      return priority != other.priority ? priority > other.priority : id < other.id;
    }
  };
  using Sequences = std::map<Order, Sequence>;

  [[nodiscard]] const Sequence& find(SequenceId id) const;
  Sequence& find(SequenceId id) { return const_cast<Sequence&>(std::as_const(*this).find(id)); }
  [[nodiscard]] std::int64_t budget() const { return limits_.max_batch_tokens - plan_.n_rows; }
  [[nodiscard]] std::int64_t most_rows(const Sequence& sequence) const;
  void plan_running(bool prompts);
  void admit_waiting();
  void begin(Sequence& sequence);
  void stop(Sequence& sequence);
  bool reserve(Sequences::iterator owner, std::int64_t n_tokens);
  bool preempt_behind(Sequences::iterator owner);
  void add_rows(SequenceId id, Sequence& sequence, std::int64_t n_rows);
  void publish(Sequence& sequence);

  SchedulerLimits limits_;
  BlockAllocator& blocks_;
  Sequences sequences_;
  std::map<SequenceId, int> priorities_;
  SequenceId last_id_ = 0;
  BatchPlan plan_;
  std::int64_t spare_logit_rows_ = 0;  // of the plan being made, beyond one for each sequence
  SchedulerStatistics statistics_;
};

}  // namespace marlin
