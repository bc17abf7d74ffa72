// SPDX-License-Identifier: Apache-2.0
// What became of one request of a load: the client measures it, the tally counts it.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "serving/load/openai_messages.h"

namespace marlin::load {

/// Why there is no answer. The kind is one of a few, for counting; the message says more.
class RequestFailure : public std::runtime_error {
 public:
  RequestFailure(std::string kind, const std::string& message) : std::runtime_error(message), kind_(std::move(kind)) {}
  [[nodiscard]] const std::string& kind() const { return kind_; }

 private:
  std::string kind_;
};

struct RequestOutcome {
  std::vector<double> text_seconds;       ///< when each piece of text came, after the client began to connect
  double end_seconds = 0;                 ///< when [DONE] came; 0: it did not
  std::optional<TokenUsage> usage;        ///< if the server told
  bool left = false;                      ///< the client went away, as planned
  std::optional<RequestFailure> failure;  ///< none: the answer is complete, or the client left
};

}  // namespace marlin::load
