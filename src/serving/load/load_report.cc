// SPDX-License-Identifier: Apache-2.0
#include "serving/load/load_report.h"

namespace marlin::load {

void LoadTally::add(const PlannedRequest& request, const RequestOutcome& outcome) {
  if (outcome.failure) {
    ++counts_.n_failed;
    FailureCount& count = counts_.failures[outcome.failure->kind()];
    if (count.n++ == 0) count.example = outcome.failure->what();
  } else if (outcome.left) {
    ++counts_.n_cancelled;
  } else {
    ++counts_.n_ok;
    add_answer(request, outcome);
  }
}

void LoadTally::add_answer(const PlannedRequest& request, const RequestOutcome& outcome) {
  const std::vector<double>& texts = outcome.text_seconds;
  if (!outcome.usage) ++counts_.n_without_usage;
  const TokenUsage usage =
      outcome.usage.value_or(TokenUsage{.prompt_tokens = static_cast<std::int64_t>(request.picks.size()),
                                        .completion_tokens = static_cast<std::int64_t>(texts.size())});
  counts_.input_tokens += usage.prompt_tokens;
  counts_.cached_tokens += usage.cached_tokens;
  counts_.output_tokens += usage.completion_tokens;
  counts_.n_texts += static_cast<std::int64_t>(texts.size());
  end_to_end_.push_back(outcome.end_seconds);
  if (texts.empty()) return;  // tokens that are no text, as end-of-sequence
  time_to_first_token_.push_back(texts.front());
  for (std::size_t i = 1; i < texts.size(); ++i) inter_token_latency_.push_back(texts[i] - texts[i - 1]);
  if (usage.completion_tokens > 1 && texts.size() > 1) {
    time_per_output_token_.push_back((texts.back() - texts.front()) / static_cast<double>(usage.completion_tokens - 1));
  }
}

LoadReport LoadTally::report() const {
  LoadReport report = counts_;
  report.time_to_first_token = summarize(time_to_first_token_);
  report.inter_token_latency = summarize(inter_token_latency_);
  report.time_per_output_token = summarize(time_per_output_token_);
  report.end_to_end = summarize(end_to_end_);
  return report;
}

}  // namespace marlin::load
