// SPDX-License-Identifier: Apache-2.0
#include "serving/held_log_probabilities.h"

#include <utility>

namespace marlin {

void HeldLogProbabilities::push(LogProbabilities of_token, std::size_t begin, std::size_t end) {
  held_.push_back({std::move(of_token), begin, end});
}

std::span<const LogProbabilities> HeldLogProbabilities::release(std::size_t n_bytes) {
  released_.clear();
  const auto is_out = [&](const Held& held) {
    return held.begin < n_bytes || (held.begin == held.end && held.end == n_bytes);
  };
  for (; !held_.empty() && is_out(held_.front()); held_.pop_front()) {
    released_.push_back(std::move(held_.front().of_token));
  }
  return released_;
}

}  // namespace marlin
