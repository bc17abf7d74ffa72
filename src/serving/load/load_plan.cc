// SPDX-License-Identifier: Apache-2.0
#include "serving/load/load_plan.h"

#include <cmath>
#include <string_view>

#include "base/error.h"

namespace marlin::load {
namespace {

constexpr std::int64_t kMaxTokens = std::int64_t{1} << 20;
constexpr double kMaxRate = 1e6;

void check_range(TokenRange range, std::string_view option) {
  if (range.min < 1 || range.max < range.min || range.max > kMaxTokens) {
    fail(ErrorCode::kInvalidArgument, "{} must be between 1 and {}, the smaller number first; got {}:{}", option,
         kMaxTokens, range.min, range.max);
  }
}

void check_share(double share, std::string_view option) {
  if (!(share >= 0 && share <= 1)) {
    fail(ErrorCode::kInvalidArgument, "{} must be between 0 and 1, got {}", option, share);
  }
}

}  // namespace

LoadPlan::LoadPlan(const LoadShape& shape, std::size_t vocabulary_size)
    : shape_(shape), vocabulary_size_(vocabulary_size), random_(shape.seed) {
  MARLIN_CHECK(vocabulary_size > 0);
  check_range(shape.prompt_tokens, "--prompt-tokens");
  check_range(shape.output_tokens, "--output-tokens");
  check_share(shape.shared_prefix, "--shared-prefix");
  check_share(shape.cancel_share, "--cancel-share");
  if (shape.rate && !(*shape.rate > 0 && *shape.rate <= kMaxRate)) {
    fail(ErrorCode::kInvalidArgument, "--rate must be above 0 and at most {}, got {}", kMaxRate, *shape.rate);
  }
  for (std::int64_t i = 0; i < shape.prompt_tokens.max; ++i) shared_.push_back(pick());
}

PlannedRequest LoadPlan::next() {
  PlannedRequest request{.arrival_seconds = arrival_seconds_, .picks = {}, .output_tokens = 0, .leave_after = {}};
  const double gap = -std::log1p(-uniform());  // exponentially distributed, 1 on average
  if (shape_.rate) arrival_seconds_ += gap / *shape_.rate;
  const std::int64_t n_prompt = within(shape_.prompt_tokens);
  request.output_tokens = within(shape_.output_tokens);
  const bool leaves = uniform() < shape_.cancel_share;
  const auto leave_after = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(request.output_tokens)));
  if (leaves) request.leave_after = leave_after;
  const auto n_shared = std::lround(shape_.shared_prefix * static_cast<double>(n_prompt));
  request.picks.assign(shared_.begin(), shared_.begin() + n_shared);
  while (static_cast<std::int64_t>(request.picks.size()) < n_prompt) request.picks.push_back(pick());
  return request;
}

/// Not quite uniform: some numbers are more likely by bound / 2^64.
std::uint64_t LoadPlan::below(std::uint64_t bound) { return random_() % bound; }

/// In [0, 1), a multiple of 2^-53.
double LoadPlan::uniform() { return static_cast<double>(random_() >> 11U) * 0x1.0p-53; }

std::int64_t LoadPlan::within(TokenRange range) {
  return range.min + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(range.max - range.min) + 1));
}

std::uint32_t LoadPlan::pick() { return static_cast<std::uint32_t>(below(vocabulary_size_)); }

}  // namespace marlin::load
