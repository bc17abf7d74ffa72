// SPDX-License-Identifier: Apache-2.0
#include "generation/sequence.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "generation/sampler_start.h"
#include "model/placement.h"
#include "ops/sample.h"
#include "sampling/sampler_state.h"

namespace marlin {
namespace {

constexpr std::uint64_t kRing = Sequence::kMaxAhead + 1;

}  // namespace

Sequence::Sequence(const LoadedModel& loaded, std::int64_t n_logit_rows, const RuntimeOptions& options,
                   Instruments& instruments)
    : loaded_(loaded),
      instruments_(instruments),
      max_chunk_rows_(std::min(loaded.device->info().step_rows, loaded.info.context_tokens)),
      max_logit_rows_(std::min(n_logit_rows, max_chunk_rows_)),
      cache_(*loaded.device, loaded.model->config(), KvCache::blocks_for(loaded.info.context_tokens, kBlockTokens),
             kBlockTokens, loaded.cache_format),
      blocks_(static_cast<std::size_t>(cache_.n_blocks())),
      chosen_(loaded.device->allocate(kRing * sizeof(std::int32_t), "chosen tokens")),
      runtime_(*loaded.device, loaded.model->runtime_needs(max_chunk_rows_, max_logit_rows_, cache_.n_blocks()),
               options, instruments) {
  std::iota(blocks_.begin(), blocks_.end(), 0U);
  tokens_.reserve(static_cast<std::size_t>(loaded.info.context_tokens));
  // What two passes in flight need is there from the start: when the second is first needed is a matter of luck, and
  // the token loop must not allocate.
  constexpr int kPassesInFlight = 2;
  const std::int64_t n_batches = options.commit.n_batches(loaded.model->config().n_layers);
  runtime_.manager.reserve(static_cast<std::size_t>(kPassesInFlight * n_batches));
  for (int i = 0; i < kPassesInFlight; ++i) runtime_.pool.prewarm(1, 1);
}

template <typename Body>
auto Sequence::guarded(Body&& body) {
  if (needs_recovery_) {
    runtime_.manager.recover();
    needs_recovery_ = false;
  }
  try {
    return body();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kDevice ||
        error.code() == ErrorCode::kOutOfMemory) {  // a GPU's may come at any time
      needs_recovery_ = true;
      tokens_.clear();
      n_positions_ = 0;
    }
    throw;
  }
}

void Sequence::truncate(std::int64_t n_tokens) {
  MARLIN_CHECK(n_tokens >= 0 && n_tokens <= size());
  tokens_.resize(static_cast<std::size_t>(n_tokens));
  n_positions_ = n_tokens;
}

void Sequence::append(std::span<const std::int32_t> tokens, std::int64_t max_chunk_tokens) {
  guarded([&] { run_chunks(tokens, max_chunk_tokens, /*sampling=*/false); });
}

void Sequence::append_and_sample(std::span<const std::int32_t> tokens) {
  guarded([&] { run_chunks(tokens, 0, /*sampling=*/true); });
}

void Sequence::run_chunks(std::span<const std::int32_t> tokens, std::int64_t max_chunk_tokens, bool sampling) {
  const auto chunk =
      static_cast<std::size_t>(max_chunk_tokens > 0 ? std::min(max_chunk_tokens, max_chunk_rows_) : max_chunk_rows_);
  while (!tokens.empty()) {
    const std::size_t n = std::min(chunk, tokens.size());
    const bool last = n == tokens.size();
    run(tokens.first(n), last ? 1 : 0, sampling && last);
    tokens = tokens.subspan(n);
  }
}

std::span<const float> Sequence::logits() {
  return guarded([&]() -> std::span<const float> {
    runtime_.manager.wait(passes_.back());
    const std::span<const std::byte> bytes = loaded_.device->read(logits_, shown_);
    return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
  });
}

std::span<const float> Sequence::append_for_all_logits(std::span<const std::int32_t> tokens) {
  guarded([&] { run(tokens, static_cast<std::int64_t>(tokens.size()), /*sampling=*/false); });
  return logits();
}

void Sequence::begin_sampling(const SamplingOptions& options, std::span<const std::int32_t> prompt) {
  const std::int64_t n_usable = loaded_.tokenizer ? loaded_.tokenizer->vocab_size() : -1;
  const abi::SampleArguments arguments = make_sample_arguments(options, loaded_.info.vocab_size, n_usable);
  guarded([&] {
    settle(passes_.back());  // an abandoned pass may still be using the state
    sample_ = arguments;
    const std::size_t bytes = sampler_state_bytes(arguments);
    if (!sampler_state_ || sampler_state_->size_bytes() < bytes) {
      sampler_state_ = loaded_.device->allocate(bytes, "sampler state", Visibility::kDevice);
    }
    start_sampler(*loaded_.device, arguments, options, prompt, {sampler_state_.get(), 0, bytes}, sampler_room_);
    n_chosen_ = n_seen_ = 0;
  });
}

void Sequence::step() {
  MARLIN_CHECK(n_chosen_ > 0 && n_chosen_ - n_seen_ < kMaxAhead);
  guarded([&] {
    if (n_seen_ == n_chosen_) tokens_.push_back(last_seen_);  // else when it is seen
    MoEBufferPool::Lease lease = runtime_.pool.lease(1, 1);
    *lease.buffers().ids.host_write<std::int32_t>() = -1 - static_cast<std::int32_t>((n_chosen_ - 1) % kRing);
    run_pass(std::move(lease), 1, 1, /*sampling=*/true);
  });
}

std::int32_t Sequence::next_token() {
  MARLIN_CHECK(n_seen_ < n_chosen_);
  return guarded([&] {
    runtime_.manager.wait(chosen_by_[n_seen_ % kRing]);
    last_seen_ = *chosen_token(n_seen_).host_read<std::int32_t>();
    const Clock::time_point now = Clock::now();
    instruments_.token_seen(n_seen_ == 0 ? Clock::duration::zero() : now - seen_at_);
    seen_at_ = now;
    if (++n_seen_ < n_chosen_) tokens_.push_back(last_seen_);  // a pass has already appended it
    return last_seen_;
  });
}

void Sequence::run(std::span<const std::int32_t> tokens, std::int64_t n_logit_rows, bool sampling) {
  check(tokens);
  const auto n_rows = static_cast<std::int64_t>(tokens.size());
  settle(passes_.front());  // two passes at a time bound the memory
  MoEBufferPool::Lease lease = runtime_.pool.lease(n_rows, n_logit_rows);
  std::copy(tokens.begin(), tokens.end(), lease.buffers().ids.host_write<std::int32_t>());
  run_pass(std::move(lease), n_rows, n_logit_rows, sampling);
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
}

void Sequence::run_pass(MoEBufferPool::Lease lease, std::int64_t n_rows, std::int64_t n_logit_rows, bool sampling) {
  const std::int64_t n_blocks = KvCache::blocks_for(n_positions_ + n_rows, cache_.block_tokens());
  Placement placement(lease.buffers(), cache_);
  const Placement::Blocks blocks = placement.list(std::span(blocks_).first(static_cast<std::size_t>(n_blocks)));
  placement.add_rows(blocks, n_positions_, n_rows);
  LayerBatchContext batch(runtime_.manager, runtime_.dispatcher, runtime_.options.commit);
  loaded_.model->encode(runtime_, batch,
                        {.chosen = {chosen_.get(), 0, chosen_->size_bytes()},
                         .n_rows = n_rows,
                         .n_logit_rows = n_logit_rows,
                         .cache = &cache_,
                         .buffers = &lease.buffers(),
                         .rope_table = {loaded_.rope_table.get(), 0, loaded_.rope_table->size_bytes()},
                         .tap = {}});
  if (sampling) {
    batch.begin_stage(Stage::kSampling);
    ops::sample(batch.encoder(), sample_, lease.buffers().logits,
                {sampler_state_.get(), 0, sampler_state_bytes(sample_)}, chosen_token(n_chosen_));
  }
  const BatchId end = batch.finish();
  instruments_.forward_encoded();
  passes_ = {passes_.back(), end};
  logits_ = lease.buffers().logits;
  lease.release_after(end);
  n_positions_ += n_rows;
  if (sampling) chosen_by_[n_chosen_++ % kRing] = end;
}

void Sequence::check(std::span<const std::int32_t> tokens) const {
  const auto n_rows = static_cast<std::int64_t>(tokens.size());
  if (n_positions_ + n_rows > capacity()) {
    fail(ErrorCode::kContextOverflow, "{} tokens do not fit the context of {}; a larger --ctx-size may help",
         n_positions_ + n_rows, capacity());
  }
  for (const std::int32_t token : tokens) {
    if (token < 0 || token >= loaded_.info.vocab_size) {
      fail(ErrorCode::kInvalidArgument, "token id {} is outside the vocabulary of {}", token, loaded_.info.vocab_size);
    }
  }
}

void Sequence::settle(BatchId pass) {
  if (runtime_.manager.completed() < pass) runtime_.manager.wait(pass);
}

BufferView Sequence::chosen_token(std::uint64_t number) const {
  return {chosen_.get(), number % kRing * sizeof(std::int32_t), sizeof(std::int32_t)};
}

}  // namespace marlin
