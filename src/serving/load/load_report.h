// SPDX-License-Identifier: Apache-2.0
// The result of a load: outcomes of requests are added up one by one, in whatever order they come. Latencies and tokens
// are those of requests that were answered in full; failed ones and those whose client left are only counted.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "serving/load/latency_statistics.h"
#include "serving/load/load_plan.h"
#include "serving/load/request_outcome.h"

namespace marlin::load {

struct FailureCount {
  std::int64_t n = 0;
  std::string example;  ///< the message of the first
};

struct LoadReport {
  std::int64_t n_ok = 0;
  std::int64_t n_cancelled = 0;  ///< left by their clients, as planned
  std::int64_t n_failed = 0;
  std::map<std::string, FailureCount> failures;  ///< by kind
  std::int64_t most_running = 0;                 ///< requests under way at a time
  double duration_seconds = 0;                   ///< from the first request to the end of the last

  // Of the requests that are ok; as the server counts tokens, or else as planned and one for each piece of text.
  std::int64_t input_tokens = 0;
  std::int64_t cached_tokens = 0;  ///< of the input
  std::int64_t output_tokens = 0;
  std::int64_t n_texts = 0;          ///< pieces of text; fewer than output tokens if pieces hold several
  std::int64_t n_without_usage = 0;  ///< requests whose tokens the server did not count

  // Seconds.
  LatencySummary time_to_first_token;   ///< from the beginning of the connection to the first text
  LatencySummary inter_token_latency;   ///< between a piece of text and the next
  LatencySummary time_per_output_token; /**< of a request: from its first text to its last, divided by its output
                                             tokens less one */
  LatencySummary end_to_end;            ///< from the beginning of the connection to the end of the answer

  // What the run settled on before it began.
  std::string model;
  bool has_id_prompts = false;
  bool ignore_eos = false;
};

class LoadTally {
 public:
  void add(const PlannedRequest& request, const RequestOutcome& outcome);

  /// Counts, tokens and latencies of what was added; the caller knows the rest.
  [[nodiscard]] LoadReport report() const;

 private:
  void add_answer(const PlannedRequest& request, const RequestOutcome& outcome);

  LoadReport counts_;
  std::vector<double> time_to_first_token_;
  std::vector<double> inter_token_latency_;
  std::vector<double> time_per_output_token_;
  std::vector<double> end_to_end_;
};

}  // namespace marlin::load
