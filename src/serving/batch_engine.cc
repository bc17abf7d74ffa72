// SPDX-License-Identifier: Apache-2.0
#include "serving/batch_engine.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "sampling/sampler_options.h"
#include "sampling/sampler_state.h"

namespace marlin {
namespace {

std::int64_t block_count(const LoadedModel& loaded, const BatchEngineOptions& options) {
  if (options.n_blocks > 0) return options.n_blocks;
  return options.batch.max_batch_size * KvCache::blocks_for(loaded.info.context_tokens, options.block_tokens);
}

/// As vLLM calls it.
std::string_view reason_name(const BatchUpdate& last) {
  if (last.error != nullptr) return "error";
  switch (*last.finished) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      break;
  }
  return "abort";
}

std::int64_t max_sequences(const BatchEngineOptions& options) {
  return options.max_queue + options.batch.max_batch_size;
}

}  // namespace

BatchEngine::BatchEngine(const LoadedModel& loaded, const BatchEngineOptions& options)
    : loaded_(loaded),
      options_(options),
      blocks_(block_count(loaded, options), options.block_tokens),
      scheduler_(options.batch, blocks_),
      runner_(loaded,
              {.batch = options.batch,
               .max_sequences = max_sequences(options),
               .n_blocks = blocks_.n_blocks(),
               .block_tokens = options.block_tokens},
              runtime_options(loaded, loaded.execution)) {
  thread_ = std::thread([this] { run(); });
}

BatchEngine::~BatchEngine() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

/// Whatever could fail later would fail others, too.
void BatchEngine::check(const BatchRequest& request, std::int64_t context) const {
  const auto n_prompt = static_cast<std::int64_t>(request.prompt.size());
  if (n_prompt == 0) fail(ErrorCode::kInvalidArgument, "the prompt is empty; give at least one token");
  if (n_prompt >= context && request.only_prompt) {
    fail(ErrorCode::kContextOverflow,
         "the text has {} tokens and the context {}: the longest that can be scored has {}", n_prompt, context,
         context - 1);
  }
  if (n_prompt >= context) {
    fail(ErrorCode::kContextOverflow, "the prompt has {} tokens and the context {}: nothing could be generated",
         n_prompt, context);
  }
  for (const std::int32_t token : request.prompt) {
    if (token < 0 || token >= loaded_.info.vocab_size) {
      fail(ErrorCode::kInvalidArgument, "token id {} is outside the vocabulary of {}", token, loaded_.info.vocab_size);
    }
  }
  validate(request.options);
  const SamplingOptions& sampling = request.options.sampling;
  static_cast<void>(make_sample_arguments(sampling, loaded_.info.vocab_size, n_usable_tokens()));
  std::unordered_set<std::int32_t> forbidden;
  for (const LogitBias& bias : sampling.logit_bias) {
    if (std::isinf(bias.bias) && bias.token < n_usable_tokens()) forbidden.insert(bias.token);
  }
  if (static_cast<std::int64_t>(forbidden.size()) == n_usable_tokens()) {
    fail(ErrorCode::kInvalidArgument, "logit_bias forbids every token");
  }
}

/// Those that may be chosen: without the padding of the output layer.
std::int64_t BatchEngine::n_usable_tokens() const {
  const std::int64_t n = loaded_.info.vocab_size;
  return loaded_.tokenizer ? std::min(loaded_.tokenizer->vocab_size(), n) : n;
}

RequestId BatchEngine::submit(BatchRequest request, Listener listener) {
  const auto n_prompt = static_cast<std::int64_t>(request.prompt.size());
  const std::int64_t context = std::min(loaded_.info.context_tokens, blocks_.n_blocks() * options_.block_tokens);
  check(request, context);
  Submission submission{0, std::make_unique<Request>()};
  const std::int64_t room = context - n_prompt;
  const std::int64_t most = request.only_prompt ? 1 : request.options.max_tokens;  // that one is not told
  submission.request->max_tokens = most < 0 ? room : std::min(room, most);
  if (loaded_.tokenizer) submission.request->output.emplace(*loaded_.tokenizer, request.options.stop);
  if (request.constraint) {
    submission.request->constraint.emplace(*std::move(request.constraint), request.options.sampling,
                                           loaded_.info.vocab_size);
    request.constraint.reset();
  }
  submission.request->request = std::move(request);
  const BatchRequest& wanted = submission.request->request;
  if (wanted.n_top_prompt_log_probabilities) {
    submission.request->prompt_scores.emplace(wanted.prompt, *wanted.n_top_prompt_log_probabilities);
  }
  submission.request->listener = std::move(listener);
  RequestId id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (n_live_ >= max_sequences(options_)) {
      fail(ErrorCode::kBusy, "{} requests are running or waiting, and no more are taken; try again later", n_live_);
    }
    ++n_live_;
    id = submission.id = ++last_id_;
    submitted_.push_back(std::move(submission));
  }
  changed_.notify_one();
  return id;
}

void BatchEngine::cancel(RequestId request) {
  {
    const std::lock_guard lock(mutex_);
    cancelled_.push_back(request);
  }
  changed_.notify_one();
}

ServingGauges BatchEngine::gauges() const {
  const Counters device = loaded_.instruments->counters();
  const std::lock_guard lock(mutex_);
  ServingGauges gauges = gauges_;
  gauges.device = device;
  return gauges;
}

void BatchEngine::take_gauges() {
  const std::lock_guard lock(mutex_);
  gauges_ = {.scheduler = scheduler_.statistics(),
             .n_blocks = blocks_.n_blocks(),
             .n_blocks_in_use = blocks_.n_blocks() - blocks_.n_available(),
             .n_blocks_cached = blocks_.n_cached(),
             .device = {}};
}

RequestTimes BatchEngine::Request::times() const {
  const auto seconds = [](Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
  };
  RequestTimes times{.total = seconds(arrived_at, Clock::now())};
  if (joined) times.queued = seconds(arrived_at, joined_at);
  if (n_chosen > 0) {
    times.prefill = seconds(joined_at, first_token_at);
    times.decode = seconds(first_token_at, last_token_at);
  }
  return times;
}

void BatchEngine::run() {
  while (true) {
    wait_for_work();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
    try {
      take_submissions();
      step();
    } catch (const Error& error) {
      fail_all(error);
    }
    take_gauges();
  }
  while (runner_.n_under_way() > 0) {
    try {
      runner_.collect();
    } catch (const Error&) {  // nobody is left to be told
    }
  }
  take_submissions();
  while (!requests_.empty()) finish(requests_.begin()->first, FinishReason::kCancelled);
}

void BatchEngine::wait_for_work() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    return stopping_ || !submitted_.empty() || !cancelled_.empty() || !requests_.empty() || runner_.n_under_way() > 0;
  });
}

void BatchEngine::take_submissions() {
  std::vector<Submission> submitted;
  std::vector<RequestId> cancelled;
  {
    const std::lock_guard lock(mutex_);
    submitted.swap(submitted_);
    cancelled.swap(cancelled_);
  }
  for (Submission& submission : submitted) admit(std::move(submission));
  for (const RequestId id : cancelled) {
    const auto found = sequences_.find(id);
    if (found != sequences_.end()) finish(found->second, FinishReason::kCancelled);
  }
}

void BatchEngine::admit(Submission submission) {
  const Request& request = *submission.request;
  const auto n_prompt = static_cast<std::int64_t>(request.request.prompt.size());
  const SequenceId sequence = scheduler_.add({.prompt = request.request.prompt,
                                              .max_length = n_prompt + request.max_tokens,
                                              .priority = request.request.priority,
                                              .token_by_token = request.constraint.has_value(),
                                              .scored = request.prompt_scores.has_value()});
  sequences_.emplace(submission.id, sequence);
  ids_.emplace(sequence, submission.id);
  requests_.emplace(sequence, std::move(submission.request));
}

void BatchEngine::step() {
  const BatchPlan& plan = scheduler_.plan();
  if (plan.n_rows > 0) {
    metrics_.pass(plan.n_rows);
    prepare(plan);
    runner_.run(plan);
  }
  const bool full = runner_.n_under_way() == BatchRunner::kMaxAhead;
  if (runner_.n_under_way() > 0 && (full || plan.n_rows == 0)) collect();
}

void BatchEngine::prepare(const BatchPlan& plan) {
  for (const PlannedRows& rows : plan.rows) {
    Request& request = *requests_.at(rows.sequence);
    if (!request.joined) join(rows.sequence, request);
    if (rows.samples && request.constraint) runner_.allow(rows.sequence, request.constraint->mask());
  }
}

void BatchEngine::join(SequenceId sequence, Request& request) {
  const BatchRequest& wanted = request.request;
  runner_.add(sequence, wanted.options.sampling, wanted.prompt,
              {.logits = wanted.n_top_log_probabilities || wanted.n_top_prompt_log_probabilities,
               .mask = request.constraint.has_value()});
  request.joined = true;
  request.joined_at = Clock::now();
  request.n_cached = scheduler_.cached_tokens(sequence);
}

void BatchEngine::collect() {
  for (const PassOutput& output : runner_.collect()) {
    if (requests_.contains(output.sequence)) see(output);
  }
}

void BatchEngine::see(const PassOutput& output) {
  Request& request = *requests_.at(output.sequence);
  request.text.clear();
  std::span<const LogProbabilities> of_prompt;
  std::optional<FinishReason> finished;
  std::optional<Error> error;
  try {
    if (request.prompt_scores) of_prompt = request.prompt_scores->see(output.logits, vocab_size());
    if (output.token) finished = see_token(request, output, error);
  } catch (const Error& failure) {  // of logits that are no distribution: nobody else's business
    error = failure;
  }
  BatchUpdate update = news_of(request);
  update.prompt_log_probabilities = of_prompt;
  if (output.token && !request.request.only_prompt) update.tokens = {&*output.token, 1};
  update.finished = finished;
  if (request.output && request.output->stopped()) update.stop = request.request.options.stop[*request.output->stop()];
  if (error && !finished) update.error = &*error;
  if (update.finished || update.error != nullptr) {
    tell_and_forget(output.sequence, update);
  } else {
    request.listener(update);
  }
}

/// Returns why the generation is over, if it is.
std::optional<FinishReason> BatchEngine::see_token(Request& request, const PassOutput& output,
                                                   std::optional<Error>& error) {
  if (request.request.only_prompt) return FinishReason::kLength;
  scheduler_.token_chosen(output.sequence, *output.token);
  record_token(request);
  const bool ended = !request.request.options.ignore_eos && loaded_.is_eos(*output.token);
  if (!ended) decode(request, output);
  std::optional<FinishReason> finished;
  if (ended || (request.output && request.output->stopped()) || completes(request, *output.token, error)) {
    finished = FinishReason::kStop;
  } else if (request.n_chosen == request.max_tokens) {
    finished = FinishReason::kLength;
  }
  if (finished && request.output) {
    request.output->finish(request.text);
    if (request.output->stopped()) finished = FinishReason::kStop;
  }
  return finished;
}

/// Whether the token completes the text that a constraint asks for; an error if the constraint cannot go on.
bool BatchEngine::completes(Request& request, std::int32_t token, std::optional<Error>& error) {
  if (!request.constraint) return false;
  try {
    request.constraint->accept(token);
  } catch (const Error& failure) {
    error = failure;
    return false;
  }
  return request.constraint->is_complete();
}

/// Into text, and the log probabilities that go with it.
void BatchEngine::decode(Request& request, const PassOutput& output) const {
  const std::size_t begin = request.output ? request.output->decoded_bytes() : 0;
  if (request.output) request.output->push(*output.token, request.text);
  if (!request.request.n_top_log_probabilities) return;
  const std::span<const float> logits = output.logits.last(vocab_size());
  request.log_probabilities.push(log_probabilities(logits, *output.token, *request.request.n_top_log_probabilities),
                                 begin, request.output ? request.output->decoded_bytes() : 0);
}

/// The text that became certain, and what belongs to it.
BatchUpdate BatchEngine::news_of(Request& request) {
  request.n_text_bytes += request.text.size();
  return {.tokens = {},
          .text = request.text,
          .log_probabilities = request.log_probabilities.release(request.n_text_bytes),
          .cached_tokens = request.n_cached,
          .finished = {}};
}

void BatchEngine::record_token(Request& request) {
  const Clock::time_point now = Clock::now();
  const auto since = [&](Clock::time_point earlier) { return std::chrono::duration<double>(now - earlier).count(); };
  if (request.n_chosen++ == 0) {
    request.first_token_at = now;
    metrics_.first_token(since(request.arrived_at));
  } else {
    metrics_.next_token(since(request.last_token_at));
  }
  request.last_token_at = now;
}

void BatchEngine::finish(SequenceId sequence, FinishReason reason) {
  Request& request = *requests_.at(sequence);
  request.text.clear();
  if (request.output) request.output->finish(request.text);
  BatchUpdate update = news_of(request);
  update.finished = reason;
  tell_and_forget(sequence, update);
}

void BatchEngine::tell_and_forget(SequenceId sequence, const BatchUpdate& last) {
  const auto found = requests_.find(sequence);
  const std::unique_ptr<Request> request = std::move(found->second);
  requests_.erase(found);
  scheduler_.remove(sequence);
  if (request->joined) runner_.remove(sequence);
  sequences_.erase(ids_.at(sequence));
  ids_.erase(sequence);
  metrics_.finished(reason_name(last), request->times(), static_cast<std::int64_t>(request->request.prompt.size()),
                    request->n_chosen);
  {
    const std::lock_guard lock(mutex_);
    --n_live_;
  }
  request->listener(last);
}

/// After a failure of the device: those who run have lost their place; those who wait go on.
void BatchEngine::fail_all(const Error& error) {
  runner_.recover();
  scheduler_.forget_computed();
  std::vector<SequenceId> joined;
  for (const auto& [sequence, request] : requests_) {
    if (request->joined) joined.push_back(sequence);
  }
  for (const SequenceId sequence : joined) {
    tell_and_forget(sequence, {.tokens = {}, .text = {}, .finished = {}, .error = &error});
  }
}

}  // namespace marlin
