// SPDX-License-Identifier: Apache-2.0
#include "serving/batch_runner.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "generation/sampler_start.h"
#include "model/placement.h"
#include "ops/copy.h"
#include "ops/mask_logits.h"
#include "ops/sample.h"
#include "sampling/sampler_state.h"

namespace marlin {
namespace {

/// Tokens of a slot that are kept: those of the passes under way, and the one that a new pass reads.
constexpr std::uint64_t kRing = BatchRunner::kMaxAhead + 1;

/// Blocks that the sequences of a pass may have together.
std::int64_t listed_blocks(const LoadedModel& loaded, const RunnerLimits& limits) {
  const std::int64_t of_one = KvCache::blocks_for(loaded.info.context_tokens, limits.block_tokens);
  return limits.batch.max_batch_size * std::min(of_one, limits.n_blocks);
}

std::size_t mask_bytes(const LoadedModel& loaded) {
  return static_cast<std::size_t>(ops::mask_words(loaded.info.vocab_size)) * sizeof(std::uint32_t);
}

RuntimeNeeds needs_of(const LoadedModel& loaded, const RunnerLimits& limits) {
  return loaded.model->runtime_needs(limits.batch.max_batch_tokens, limits.batch.max_batch_size,
                                     listed_blocks(loaded, limits));
}

}  // namespace

BatchRunner::BatchRunner(const LoadedModel& loaded, const RunnerLimits& limits, const RuntimeOptions& options)
    : loaded_(loaded),
      cache_(*loaded.device, loaded.model->config(), limits.n_blocks, limits.block_tokens, loaded.cache_format),
      chosen_(loaded.device->allocate(static_cast<std::size_t>(limits.max_sequences) * kRing * sizeof(std::int32_t),
                                      "chosen tokens")),
      max_logit_rows_(limits.batch.max_batch_size),
      runtime_(*loaded.device, needs_of(loaded, limits), options, *loaded.instruments) {
  MARLIN_CHECK(limits.batch.max_batch_tokens <= loaded.device->info().step_rows);
  for (std::int64_t i = limits.max_sequences; i > 0; --i) free_slots_.push_back(i - 1);
}

void BatchRunner::add(SequenceId sequence, const SamplingOptions& options, std::span<const std::int32_t> prompt,
                      const ChoiceNeeds& needs) {
  const std::int64_t n_usable = loaded_.tokenizer ? loaded_.tokenizer->vocab_size() : -1;
  Sampler sampler;
  sampler.arguments = make_sample_arguments(options, loaded_.info.vocab_size, n_usable);
  reuse_retired();
  if (free_slots_.empty()) fail(ErrorCode::kOutOfMemory, "too many sequences at a time: {}", samplers_.size());
  const std::size_t state_bytes = sampler_state_bytes(sampler.arguments);
  sampler.state = take_buffer(state_bytes, "sampler state", Visibility::kDevice);
  if (needs.mask) sampler.mask = take_buffer(mask_bytes(loaded_), "mask of tokens", Visibility::kHost);
  sampler.shows_logits = needs.logits;
  if (needs.logits && shown_ == nullptr) {
    const std::size_t n_rows = kMaxAhead * static_cast<std::size_t>(max_logit_rows_);
    shown_ = loaded_.device->allocate(n_rows * logits_bytes(), "logits for the host");
  }
  start_sampler(*loaded_.device, sampler.arguments, options, prompt, {sampler.state.get(), 0, state_bytes},
                sampler_room_);
  sampler.slot = free_slots_.back();
  free_slots_.pop_back();
  samplers_.emplace(sequence, std::move(sampler));
}

void BatchRunner::remove(SequenceId sequence) {
  const auto found = samplers_.find(sequence);
  MARLIN_CHECK(found != samplers_.end());
  retired_.push_back({std::move(found->second), last_pass_});
  samplers_.erase(found);
}

void BatchRunner::allow(SequenceId sequence, std::span<const std::uint32_t> mask) {
  const std::unique_ptr<Buffer>& buffer = samplers_.at(sequence).mask;
  MARLIN_CHECK(buffer != nullptr && mask.size_bytes() == mask_bytes(loaded_));
  std::copy(mask.begin(), mask.end(), BufferView{buffer.get(), 0, mask.size_bytes()}.host_write<std::uint32_t>());
}

std::size_t BatchRunner::logits_bytes() const {
  return static_cast<std::size_t>(loaded_.info.vocab_size) * sizeof(float);
}

void BatchRunner::reuse_retired() {
  const BatchId completed = runtime_.manager.completed();
  std::erase_if(retired_, [&](Retired& retired) {
    if (retired.free_after > completed) return false;
    Sampler& sampler = retired.sampler;
    free_slots_.push_back(sampler.slot);
    for (std::unique_ptr<Buffer>* buffer : {&sampler.state, &sampler.mask}) {
      if (*buffer != nullptr) free_buffers_.push_back(std::move(*buffer));
    }
    return true;
  });
}

/// One that is free and not much too large, or a new one.
std::unique_ptr<Buffer> BatchRunner::take_buffer(std::size_t bytes, const char* name, Visibility visibility) {
  const auto fits = [&](const std::unique_ptr<Buffer>& buffer) {
    return buffer->visibility() == visibility && buffer->size_bytes() >= bytes && buffer->size_bytes() / 2 <= bytes;
  };
  const auto found = std::find_if(free_buffers_.begin(), free_buffers_.end(), fits);
  if (found == free_buffers_.end()) return loaded_.device->allocate(bytes, name, visibility);
  std::unique_ptr<Buffer> buffer = std::move(*found);
  free_buffers_.erase(found);
  return buffer;
}

std::int64_t BatchRunner::place_of(const Sampler& sampler, std::uint64_t number) const {
  return sampler.slot * static_cast<std::int64_t>(kRing) + static_cast<std::int64_t>(number % kRing);
}

void BatchRunner::run(const BatchPlan& plan) {
  MARLIN_CHECK(plan.n_rows > 0 && passes_.size() < kMaxAhead);
  MoEBufferPool::Lease lease = runtime_.pool.lease(plan.n_rows, plan.n_logit_rows);
  fill(plan, lease.buffers());
  LayerBatchContext batch(runtime_.manager, runtime_.dispatcher, runtime_.options.commit);
  loaded_.model->encode(runtime_, batch,
                        {.chosen = {chosen_.get(), 0, chosen_->size_bytes()},
                         .n_rows = plan.n_rows,
                         .n_logit_rows = plan.n_logit_rows,
                         .cache = &cache_,
                         .buffers = &lease.buffers(),
                         .rope_table = {loaded_.rope_table.get(), 0, loaded_.rope_table->size_bytes()},
                         .tap = {}});
  batch.begin_stage(Stage::kSampling);
  Pass pass = use_logits(plan, lease.buffers().logits, batch.encoder());
  pass.end = last_pass_ = batch.finish();
  loaded_.instruments->forward_encoded();
  lease.release_after(pass.end);
  passes_.push_back(std::move(pass));
}

/// Rows that give logits come last, as the model wants them.
void BatchRunner::fill(const BatchPlan& plan, const MoEBuffers& buffers) const {
  Placement placement(buffers, cache_);
  std::vector<Placement::Blocks> blocks;
  auto* id = buffers.ids.host_write<std::int32_t>();
  for (const PlannedRows& rows : plan.rows) {
    blocks.push_back(placement.list(rows.blocks));
    const std::int64_t n = rows.n_rows - rows.n_logit_rows;
    if (n == 0) continue;
    placement.add_rows(blocks.back(), rows.start, n);
    id = std::copy_n(rows.tokens.begin(), n, id);
  }
  for (std::size_t i = 0; i < plan.rows.size(); ++i) {
    const PlannedRows& rows = plan.rows[i];
    if (rows.n_logit_rows == 0) continue;
    const std::int64_t n_before = rows.n_rows - rows.n_logit_rows;
    placement.add_rows(blocks[i], rows.start + n_before, rows.n_logit_rows);
    id = std::copy(rows.tokens.begin() + n_before, rows.tokens.end(), id);
    if (static_cast<std::int64_t>(rows.tokens.size()) == rows.n_rows) continue;
    const Sampler& sampler = samplers_.at(rows.sequence);
    *id++ = static_cast<std::int32_t>(-1 - place_of(sampler, sampler.n_chosen - 1));
  }
}

/// The logits are copied before a choice changes them.
BatchRunner::Pass BatchRunner::use_logits(const BatchPlan& plan, const BufferView& logits, Encoder& encoder) {
  Pass pass;
  std::int64_t first = 0;
  for (const PlannedRows& rows : plan.rows) {
    if (rows.n_logit_rows == 0) continue;
    Sampler& sampler = samplers_.at(rows.sequence);
    const std::size_t bytes = static_cast<std::size_t>(rows.n_logit_rows) * logits_bytes();
    const BufferView own{logits.buffer, logits.offset + static_cast<std::size_t>(first) * logits_bytes(), bytes};
    Expected expected{.sequence = rows.sequence, .token = {}, .logits = {}};
    if (sampler.shows_logits) expected.logits = show(own, first, encoder);
    if (rows.samples) {
      expected.token = choose(sampler, {own.buffer, own.offset + own.bytes - logits_bytes(), logits_bytes()}, encoder);
    }
    pass.expected.push_back(expected);
    first += rows.n_logit_rows;
  }
  ++n_passes_;
  return pass;
}

/// `first`: row of the pass's logits that these begin with.
BufferView BatchRunner::show(const BufferView& logits, std::int64_t first, Encoder& encoder) const {
  const auto row = static_cast<std::size_t>(n_passes_ % kMaxAhead) * static_cast<std::size_t>(max_logit_rows_) +
                   static_cast<std::size_t>(first);
  const BufferView shown{shown_.get(), row * logits_bytes(), logits.bytes};
  ops::copy(encoder, logits, shown);
  return shown;
}

BufferView BatchRunner::choose(Sampler& sampler, const BufferView& logits, Encoder& encoder) const {
  const auto place = static_cast<std::size_t>(place_of(sampler, sampler.n_chosen++));
  const BufferView token{chosen_.get(), place * sizeof(std::int32_t), sizeof(std::int32_t)};
  if (sampler.mask != nullptr) ops::mask_logits(encoder, logits, {sampler.mask.get(), 0, mask_bytes(loaded_)});
  ops::sample(encoder, sampler.arguments, logits, {sampler.state.get(), 0, sampler_state_bytes(sampler.arguments)},
              token);
  return token;
}

std::span<const PassOutput> BatchRunner::collect() {
  MARLIN_CHECK(!passes_.empty());
  runtime_.manager.wait(passes_.front().end);
  collected_.clear();
  for (const Expected& expected : passes_.front().expected) {
    PassOutput output{.sequence = expected.sequence};
    if (expected.token.buffer != nullptr) output.token = *expected.token.host_read<std::int32_t>();
    if (expected.logits.buffer != nullptr) {
      output.logits = {expected.logits.host_read<float>(), expected.logits.bytes / sizeof(float)};
    }
    collected_.push_back(output);
  }
  passes_.pop_front();
  return collected_;
}

void BatchRunner::recover() {
  passes_.clear();
  runtime_.manager.recover();
}

}  // namespace marlin
