// SPDX-License-Identifier: Apache-2.0
#include "serving/batch_scheduler.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace marlin {
namespace {

std::int64_t blocks_for(std::int64_t n_tokens, const BlockAllocator& blocks) {
  return (n_tokens + blocks.block_tokens() - 1) / blocks.block_tokens();
}

}  // namespace

/// Rows to be computed before the sequence can go on: none when it is as long as it may become.
std::int64_t BatchScheduler::Sequence::rows_left() const {
  if (length() >= request.max_length || (request.token_by_token && n_pending > 0)) return 0;
  return length() - n_computed;
}

BatchScheduler::BatchScheduler(const SchedulerLimits& limits, BlockAllocator& blocks)
    : limits_(limits), blocks_(blocks) {
  MARLIN_CHECK(limits.max_batch_size > 0 && limits.max_batch_tokens >= limits.max_batch_size);
}

SequenceId BatchScheduler::add(SequenceRequest request) {
  MARLIN_CHECK(!request.prompt.empty());
  const std::int64_t wanted = blocks_for(request.max_length, blocks_);
  if (wanted > blocks_.n_blocks()) {
    fail(ErrorCode::kContextOverflow,
         "a sequence of {} tokens needs {} cache blocks and there are {}; ask for fewer tokens or raise "
         "--num-kv-blocks",
         request.max_length, wanted, blocks_.n_blocks());
  }
  const SequenceId id = ++last_id_;
  const int priority = request.priority;
  Sequence sequence;
  sequence.n_to_score = request.scored ? static_cast<std::int64_t>(request.prompt.size()) : 0;
  sequence.tokens = std::move(request.prompt);
  sequence.request = std::move(request);
  sequences_.emplace(Order{priority, id}, std::move(sequence));
  priorities_.emplace(id, priority);
  ++statistics_.n_waiting;
  return id;
}

const BatchPlan& BatchScheduler::plan() {
  plan_.rows.clear();
  plan_.n_rows = plan_.n_logit_rows = 0;
  spare_logit_rows_ = std::max<std::int64_t>(limits_.max_batch_size - static_cast<std::int64_t>(sequences_.size()), 0);
  for (auto& [order, sequence] : sequences_) sequence.planned = false;
  plan_running(/*prompts=*/false);
  plan_running(/*prompts=*/true);
  admit_waiting();
  return plan_;
}

void BatchScheduler::plan_running(bool prompts) {
  for (auto it = sequences_.begin(); it != sequences_.end() && budget() > 0; ++it) {
    Sequence& sequence = it->second;
    const std::int64_t left = sequence.rows_left();
    if (!sequence.running || sequence.planned || left == 0 || (left > 1) != prompts) continue;
    const std::int64_t n = most_rows(sequence);
    if (reserve(it, sequence.n_computed + n)) add_rows(it->first.id, sequence, n);
  }
}

void BatchScheduler::admit_waiting() {
  for (auto it = sequences_.begin(); it != sequences_.end(); ++it) {
    Sequence& sequence = it->second;
    if (sequence.running || sequence.rows_left() == 0) continue;
    // Nobody overtakes the first who waits: it would never get its blocks.
    if (budget() == 0 || statistics_.n_running == limits_.max_batch_size) return;
    begin(sequence);
    const std::int64_t n = most_rows(sequence);
    const std::int64_t wanted =
        blocks_for(sequence.length(), blocks_) - static_cast<std::int64_t>(sequence.blocks.size());
    if (wanted > blocks_.n_available() || !reserve(it, sequence.n_computed + n)) {
      stop(sequence);
      return;
    }
    statistics_.prompt_tokens += sequence.tokens.size();
    statistics_.cached_tokens += static_cast<std::uint64_t>(sequence.n_cached);
    add_rows(it->first.id, sequence, n);
  }
}

/// That the plan has room for; at least one of a sequence that has rows left, while there is any budget.
std::int64_t BatchScheduler::most_rows(const Sequence& sequence) const {
  const std::int64_t n_silent = std::max<std::int64_t>(sequence.first_logit_row() - sequence.n_computed, 0);
  return std::min({sequence.rows_left(), budget(), n_silent + 1 + spare_logit_rows_});
}

/// Starts with what the cache holds of rows whose logits nobody wants; those of the last token are always wanted.
void BatchScheduler::begin(Sequence& sequence) {
  const std::int64_t n_silent =
      std::min(sequence.first_logit_row(), static_cast<std::int64_t>(sequence.tokens.size()) - 1);
  sequence.blocks = blocks_.find_prefix(std::span(sequence.tokens).first(static_cast<std::size_t>(n_silent)));
  sequence.n_published = static_cast<std::int64_t>(sequence.blocks.size());
  sequence.n_cached = sequence.n_computed = sequence.n_published * blocks_.block_tokens();
  sequence.running = true;
  ++statistics_.n_running;
  --statistics_.n_waiting;
}

/// Back to waiting, without blocks. The last are released first: of a text, the beginning is the most useful.
void BatchScheduler::stop(Sequence& sequence) {
  for (; !sequence.blocks.empty(); sequence.blocks.pop_back()) blocks_.release(sequence.blocks.back());
  sequence.n_computed = sequence.n_published = 0;
  sequence.running = false;
  --statistics_.n_running;
  ++statistics_.n_waiting;
}

/// Gives the sequence blocks for its first n_tokens tokens, if need be those of others; false if there are too few.
bool BatchScheduler::reserve(Sequences::iterator owner, std::int64_t n_tokens) {
  Sequence& sequence = owner->second;
  while (static_cast<std::int64_t>(sequence.blocks.size()) < blocks_for(n_tokens, blocks_)) {
    const std::optional<BlockId> block = blocks_.allocate();
    if (block) {
      sequence.blocks.push_back(*block);
    } else if (!preempt_behind(owner)) {
      return false;
    }
  }
  return true;
}

bool BatchScheduler::preempt_behind(Sequences::iterator owner) {
  for (auto it = sequences_.end(); --it != owner;) {
    if (!it->second.running || it->second.planned) continue;
    stop(it->second);
    ++statistics_.n_preemptions;
    return true;
  }
  return false;
}

void BatchScheduler::add_rows(SequenceId id, Sequence& sequence, std::int64_t n_rows) {
  const auto n_known = static_cast<std::int64_t>(sequence.tokens.size());
  PlannedRows rows;
  rows.sequence = id;
  rows.start = sequence.n_computed;
  rows.n_rows = n_rows;
  rows.samples = rows.start + n_rows == sequence.length();
  rows.n_logit_rows = std::max<std::int64_t>(rows.start + n_rows - std::max(rows.start, sequence.first_logit_row()), 0);
  rows.tokens =
      std::span(sequence.tokens)
          .subspan(static_cast<std::size_t>(std::min(rows.start, n_known)),
                   static_cast<std::size_t>(std::min(n_rows, std::max<std::int64_t>(n_known - rows.start, 0))));
  sequence.n_computed += n_rows;
  sequence.n_scored = std::max(sequence.n_scored, std::min(sequence.n_computed, sequence.n_to_score));
  if (rows.samples) ++sequence.n_pending;
  sequence.planned = true;
  publish(sequence);
  rows.blocks = sequence.blocks;
  plan_.n_rows += n_rows;
  plan_.n_logit_rows += rows.n_logit_rows;
  spare_logit_rows_ -= std::max<std::int64_t>(rows.n_logit_rows - 1, 0);
  plan_.rows.push_back(rows);
}

/// The device computes plans in order, so what is planned may be found by the plans that follow.
void BatchScheduler::publish(Sequence& sequence) {
  const std::int64_t n = blocks_.block_tokens();
  const std::int64_t end = std::min(sequence.n_computed, static_cast<std::int64_t>(sequence.tokens.size()));
  for (; (sequence.n_published + 1) * n <= end; ++sequence.n_published) {
    const auto i = static_cast<std::size_t>(sequence.n_published);
    blocks_.publish(sequence.blocks[i], i == 0 ? std::nullopt : std::optional(sequence.blocks[i - 1]),
                    std::span(sequence.tokens).subspan(i * static_cast<std::size_t>(n), static_cast<std::size_t>(n)));
  }
}

void BatchScheduler::token_chosen(SequenceId id, std::int32_t token) {
  Sequence& sequence = find(id);
  MARLIN_CHECK(sequence.n_pending > 0);
  --sequence.n_pending;
  sequence.tokens.push_back(token);
  if (sequence.running) publish(sequence);
}

void BatchScheduler::remove(SequenceId id) {
  Sequence& sequence = find(id);
  if (sequence.running) stop(sequence);
  --statistics_.n_waiting;
  sequences_.erase(Order{sequence.request.priority, id});
  priorities_.erase(id);
}

void BatchScheduler::forget_computed() {
  for (auto& [order, sequence] : sequences_) {
    if (sequence.running) stop(sequence);
    sequence.n_pending = 0;
  }
  blocks_.forget_contents();
}

const BatchScheduler::Sequence& BatchScheduler::find(SequenceId id) const {
  const auto priority = priorities_.find(id);
  MARLIN_CHECK(priority != priorities_.end());
  return sequences_.find(Order{priority->second, id})->second;
}

}  // namespace marlin
