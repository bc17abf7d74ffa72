// SPDX-License-Identifier: Apache-2.0
// What the clients of a load will do, one request after the other: when they come, what they send, how much they want,
// when they leave. The load run asks for requests as long as it wants any. Surprise: every choice is drawn for every
// request, whether it matters or not, so that a seed gives the same prompts at any rate and share of cancellations.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace marlin::load {

/// Both ends belong to it; every number between is as likely.
struct TokenRange {
  std::int64_t min = 128;
  std::int64_t max = 128;
};

struct LoadShape {
  TokenRange prompt_tokens;
  TokenRange output_tokens;
  double shared_prefix = 0;    ///< share of each prompt, from its start, that all requests have in common; [0, 1]
  double cancel_share = 0;     ///< of the clients that leave before they have the whole answer; [0, 1]
  std::optional<double> rate;  ///< arrivals per second, as a Poisson process; none: all are there from the start
  std::uint64_t seed = 0;
};

struct PlannedRequest {
  double arrival_seconds = 0;        ///< after the first
  std::vector<std::uint32_t> picks;  ///< the prompt, one for every token: which pieces of the vocabulary
  std::int64_t output_tokens = 0;
  std::optional<std::int64_t> leave_after;  ///< the client leaves when it has so many pieces of text; may be 0
};

class LoadPlan {
 public:
  /// `vocabulary_size`: picks are below it. Errors: kInvalidArgument naming the option at fault.
  LoadPlan(const LoadShape& shape, std::size_t vocabulary_size);

  PlannedRequest next();

 private:
  std::uint64_t below(std::uint64_t bound);
  double uniform();
  std::int64_t within(TokenRange range);
  std::uint32_t pick();

  LoadShape shape_;
  std::size_t vocabulary_size_;
  std::mt19937_64 random_;  // exactly specified, unlike the standard's distributions
  std::vector<std::uint32_t> shared_;
  double arrival_seconds_ = 0;
};

}  // namespace marlin::load
