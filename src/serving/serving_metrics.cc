// SPDX-License-Identifier: Apache-2.0
#include "serving/serving_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"

namespace marlin {
namespace {

constexpr double kSeconds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25, 0.5,   0.75,
                               1.0,   2.5,    5.0,   7.5,  10.0,  20.0, 40.0, 80.0, 160.0, 640.0};
constexpr double kTokens[] = {1,    2,    5,    10,    20,    50,    100,    200,   500,
                              1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000};

/// Writes metrics with a type line each.
class Exposition {
 public:
  explicit Exposition(std::string_view model) : labels_(fmt::format("model_name=\"{}\"", escaped(model))) {}

  void histogram(std::string_view name, std::string_view help, const Histogram& histogram) {
    describe(name, "histogram", help);
    histogram.write(full(name), labels_, out_);
  }

  template <typename Number>
  void value(std::string_view name, std::string_view type, std::string_view help, Number number) {
    describe(name, type, help);
    sample(name, {}, number);
  }

  void describe(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(out_), "# HELP {0} {1}\n# TYPE {0} {2}\n", full(name), help, type);
  }

  template <typename Number>
  void sample(std::string_view name, std::string_view more_labels, Number number) {
    fmt::format_to(std::back_inserter(out_), "{}{{{}{}}} {}\n", full(name), labels_, more_labels, number);
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  static std::string full(std::string_view name) { return fmt::format("metal_marlin_{}", name); }

  static std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
      if (c == '"' || c == '\\') result += '\\';
      result += c == '\n' ? ' ' : c;
    }
    return result;
  }

  std::string labels_;
  std::string out_;
};

}  // namespace

ServingMetrics::ServingMetrics()
    : time_to_first_token_(kSeconds),
      inter_token_latency_(kSeconds),
      e2e_latency_(kSeconds),
      queue_time_(kSeconds),
      prefill_time_(kSeconds),
      decode_time_(kSeconds),
      prompt_tokens_(kTokens),
      generation_tokens_(kTokens),
      iteration_tokens_(kTokens) {}

void ServingMetrics::pass(std::int64_t n_rows) {
  const std::lock_guard lock(mutex_);
  iteration_tokens_.observe(static_cast<double>(n_rows));
}

void ServingMetrics::first_token(double seconds) {
  const std::lock_guard lock(mutex_);
  ++n_generated_;
  time_to_first_token_.observe(seconds);
}

void ServingMetrics::next_token(double seconds) {
  const std::lock_guard lock(mutex_);
  ++n_generated_;
  inter_token_latency_.observe(seconds);
}

void ServingMetrics::finished(std::string_view reason, const RequestTimes& times, std::int64_t n_prompt,
                              std::int64_t n_generated) {
  const auto found = std::find(kReasons.begin(), kReasons.end(), reason);
  MARLIN_CHECK(found != kReasons.end());
  const std::lock_guard lock(mutex_);
  ++n_finished_[static_cast<std::size_t>(found - kReasons.begin())];
  e2e_latency_.observe(times.total);
  if (times.queued >= 0) queue_time_.observe(times.queued);
  if (times.prefill >= 0) prefill_time_.observe(times.prefill);
  if (times.decode >= 0) decode_time_.observe(times.decode);
  prompt_tokens_.observe(static_cast<double>(n_prompt));
  generation_tokens_.observe(static_cast<double>(n_generated));
}

std::string ServingMetrics::text(std::string_view model, const ServingGauges& gauges) const {
  Exposition out(model);
  const SchedulerStatistics& scheduler = gauges.scheduler;
  out.value("num_requests_running", "gauge", "Requests in the batch.", scheduler.n_running);
  out.value("num_requests_waiting", "gauge", "Requests that wait.", scheduler.n_waiting);
  out.value(
      "kv_cache_usage_perc", "gauge", "Share of the cache blocks in use, 1 = all.",
      static_cast<double>(gauges.n_blocks_in_use) / static_cast<double>(std::max<std::int64_t>(gauges.n_blocks, 1)));
  out.value("kv_blocks_cached", "gauge", "Cache blocks kept for those who may come again.", gauges.n_blocks_cached);
  out.value("num_preemptions_total", "counter", "Requests that had to begin again.", scheduler.n_preemptions);
  out.value("prompt_tokens_total", "counter", "Prompt tokens of requests that joined.", scheduler.prompt_tokens);
  out.value("prefix_cache_queries", "counter", "Prompt tokens looked for in the cache.", scheduler.prompt_tokens);
  out.value("prefix_cache_hits", "counter", "Prompt tokens found in the cache.", scheduler.cached_tokens);
  out.value("device_commits_total", "counter", "Command buffers handed to the device.", gauges.device.commits);
  out.value("device_dispatches_total", "counter", "Kernel launches in them.", gauges.device.dispatches);
  out.value("device_waits_total", "counter", "Times a thread waited for the device.", gauges.device.waits);
  out.value("device_busy_seconds_total", "counter", "Time the device executed command buffers.",
            gauges.device.device_seconds);
  const std::lock_guard lock(mutex_);
  out.value("generation_tokens_total", "counter", "Tokens generated.", n_generated_);
  out.describe("request_success_total", "counter", "Requests that are over, by why.");
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    out.sample("request_success_total", fmt::format(",finished_reason=\"{}\"", kReasons[i]), n_finished_[i]);
  }
  out.histogram("time_to_first_token_seconds", "From a request's arrival to its first token.", time_to_first_token_);
  out.histogram("inter_token_latency_seconds", "Between two tokens of a request.", inter_token_latency_);
  out.histogram("e2e_request_latency_seconds", "From a request's arrival to its end.", e2e_latency_);
  out.histogram("request_queue_time_seconds", "Until a request joined a batch.", queue_time_);
  out.histogram("request_prefill_time_seconds", "From joining to the first token.", prefill_time_);
  out.histogram("request_decode_time_seconds", "From the first token to the last.", decode_time_);
  out.histogram("request_prompt_tokens", "Tokens of prompts.", prompt_tokens_);
  out.histogram("request_generation_tokens", "Tokens generated for a request.", generation_tokens_);
  out.histogram("iteration_tokens_total", "Rows of a pass.", iteration_tokens_);
  return out.take();
}

}  // namespace marlin
