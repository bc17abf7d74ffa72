// SPDX-License-Identifier: Apache-2.0
// Many generations at a time on one model: takes requests from any thread, keeps them moving on a thread of its own
// (scheduler, runner), and tells each how it goes. The next pass is always encoded before the tokens of the present one
// are looked at, so that the device does not wait for the host.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "generation/text_output.h"
#include "metal_marlin/generation_options.h"
#include "serving/batch_runner.h"
#include "serving/batch_scheduler.h"
#include "serving/held_log_probabilities.h"
#include "serving/prompt_scores.h"
#include "serving/serving_metrics.h"
#include "serving/token_constraint.h"

namespace marlin {

struct BatchEngineOptions {
  SchedulerLimits batch;
  std::int64_t n_blocks = 0;  ///< of the cache; 0 = what max_batch_size sequences of the whole context need
  std::int64_t block_tokens = kBlockTokens;
  std::int64_t max_queue = 256;  ///< requests that wait, beyond those that run
};

struct BatchRequest {
  std::vector<std::int32_t> prompt;
  GenerationOptions options;
  int priority = 0;
  std::optional<std::size_t> n_top_log_probabilities = {};  ///< log probabilities are wanted, of so many tokens beside
  std::optional<std::size_t> n_top_prompt_log_probabilities = {};  ///< the same of the prompt's tokens
  bool only_prompt = false;  ///< nothing is generated: what is wanted is the prompt's log probabilities
  std::optional<ConstrainedText> constraint = {};  ///< what the text must be; generation ends when it is complete
};

/// News of a request. Views are valid during the call.
struct BatchUpdate {
  std::span<const std::int32_t> tokens;                      ///< chosen since the last update
  std::string_view text;                                     ///< that became certain
  std::span<const LogProbabilities> log_probabilities = {};  ///< of the tokens whose text that is
  std::int64_t cached_tokens = 0;                            ///< of the prompt
  std::optional<FinishReason> finished;                      ///< the last update has this or `error`
  std::string_view stop = {};                                ///< the stop string that ended it, if one did
  const Error* error = nullptr;
  std::span<const LogProbabilities> prompt_log_probabilities = {};  ///< behind its first token; none after the first
                                                                    ///< update with `tokens`
};

using RequestId = std::uint64_t;

class BatchEngine {
 public:
  /// Called on the engine's thread, in order; must neither block nor throw.
  using Listener = std::function<void(const BatchUpdate&)>;

  /// `loaded` must outlive this. Errors: kInvalidArgument, kOutOfMemory.
  BatchEngine(const LoadedModel& loaded, const BatchEngineOptions& options);

  /// Cancels what is not finished.
  ~BatchEngine();
  BatchEngine(const BatchEngine&) = delete;
  BatchEngine& operator=(const BatchEngine&) = delete;

  /// Queues a request. Errors: kBusy when the queue is full, kContextOverflow, kInvalidArgument for options or tokens,
  /// kUnsupported for a constraint that no token can begin.
  RequestId submit(BatchRequest request, Listener listener);

  /// The request is wanted no more; its blocks are free within one step. Its last update says kCancelled, unless it has
  /// had its last.
  void cancel(RequestId request);

  /// Tokens that the cache holds at most, of all requests together.
  [[nodiscard]] std::int64_t cache_tokens() const { return runner_.cache().n_blocks() * options_.block_tokens; }

  /// As of the last step.
  [[nodiscard]] ServingGauges gauges() const;
  [[nodiscard]] const ServingMetrics& metrics() const { return metrics_; }

 private:
  using Clock = std::chrono::steady_clock;

  struct Request {
    BatchRequest request;
    Listener listener;
    std::int64_t max_tokens = 0;
    std::optional<TextOutput> output;
    std::string text;
    std::size_t n_text_bytes = 0;  // told
    HeldLogProbabilities log_probabilities;
    std::optional<PromptScores> prompt_scores;
    std::optional<TokenConstraint> constraint;
    std::int64_t n_chosen = 0;
    std::int64_t n_cached = 0;
    bool joined = false;  // the runner knows it
    Clock::time_point arrived_at = Clock::now();
    Clock::time_point joined_at;
    Clock::time_point first_token_at;
    Clock::time_point last_token_at;

    [[nodiscard]] RequestTimes times() const;
  };
  struct Submission {
    RequestId id = 0;
    std::unique_ptr<Request> request;
  };

  void check(const BatchRequest& request, std::int64_t context) const;
  void run();
  void wait_for_work();
  void take_submissions();
  void admit(Submission submission);
  void step();
  void prepare(const BatchPlan& plan);
  void join(SequenceId sequence, Request& request);
  void collect();
  void see(const PassOutput& output);
  std::optional<FinishReason> see_token(Request& request, const PassOutput& output, std::optional<Error>& error);
  void decode(Request& request, const PassOutput& output) const;
  [[nodiscard]] std::int64_t n_usable_tokens() const;
  [[nodiscard]] std::size_t vocab_size() const { return static_cast<std::size_t>(loaded_.info.vocab_size); }
  static bool completes(Request& request, std::int32_t token, std::optional<Error>& error);
  [[nodiscard]] static BatchUpdate news_of(Request& request);
  void record_token(Request& request);
  void take_gauges();
  void finish(SequenceId sequence, FinishReason reason);
  void tell_and_forget(SequenceId sequence, const BatchUpdate& last);
  void fail_all(const Error& error);

  const LoadedModel& loaded_;
  BatchEngineOptions options_;
  BlockAllocator blocks_;
  BatchScheduler scheduler_;
  BatchRunner runner_;
  ServingMetrics metrics_;

  // Of the engine's thread.
  std::unordered_map<SequenceId, std::unique_ptr<Request>> requests_;
  std::unordered_map<RequestId, SequenceId> sequences_;
  std::unordered_map<SequenceId, RequestId> ids_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Submission> submitted_;
  std::vector<RequestId> cancelled_;
  ServingGauges gauges_;
  std::int64_t n_live_ = 0;  // submitted and not finished
  RequestId last_id_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace marlin
