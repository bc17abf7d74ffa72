// SPDX-License-Identifier: Apache-2.0
// A load on a server of the OpenAI API, from the first look at it to the report; `metal-marlin serve-bench` runs it.
// All clients share the calling thread. Surprise: a request that is not part of the load goes first. It finds out which
// form of request the server takes, fails early if none, and leaves the server warm.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "serving/load/load_plan.h"
#include "serving/load/load_report.h"
#include "serving/load/openai_messages.h"
#include "serving/load/server_url.h"

namespace marlin::load {

struct LoadOptions {
  ServerUrl server;
  Endpoint endpoint = Endpoint::kCompletions;
  std::string model;    ///< empty: the first that the server names
  std::string api_key;  ///< may be empty
  LoadShape shape;
  std::int64_t n_requests = 64;                ///< 0: no limit, until the duration is over
  double duration_seconds = 0;                 ///< after which no request begins; 0: no limit
  std::int64_t concurrency = 8;                ///< requests at a time; 0: no limit, for loads with a rate
  std::optional<bool> ignore_eos;              ///< none: if the server takes it
  std::chrono::milliseconds timeout{600'000};  ///< of a request
};

struct LoadProgress {
  std::int64_t n_done = 0;
  std::int64_t n_running = 0;
  double seconds = 0;
};

/// Runs the load. `on_progress` is called whenever a request begins or ends. Errors: kInvalidArgument naming the
/// option; kNotFound, kUnsupported or kBadFile if the server cannot be put under load at all. A request of the load
/// that fails is no error but part of the report.
LoadReport run_load(const LoadOptions& options, const std::function<void(const LoadProgress&)>& on_progress);

}  // namespace marlin::load
