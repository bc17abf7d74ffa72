// SPDX-License-Identifier: Apache-2.0
// A server of the OpenAI API that does what a test says: it has one model, a tokenizer of 50 tokens, and a script for
// requests of completions. The trial that a load begins with is answered well, unless on_trial says otherwise.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/json.h"
#include "serving/http/event_stream.h"
#include "serving/http/exchange.h"
#include "serving/http/http_server.h"

namespace marlin::load {

using Exchange = std::shared_ptr<http::Exchange>;

/// Writes a chunk with one token.
inline void write_token(http::EventStream& stream) {
  stream.event("", R"({"choices": [{"index": 0, "text": " word"}]})");
}

/// Writes usage, if there is any, and the end.
inline void write_end(http::EventStream& stream, const std::string& usage) {
  if (!usage.empty()) stream.event("", R"({"choices": [], "usage": )" + usage + "}");
  stream.event("", "[DONE]");
  stream.end();
}

inline void answer_well(const Exchange& exchange, const boost::json::value& request) {
  const auto n = request.at("max_tokens").to_number<int>();
  http::EventStream stream(exchange);
  stream.begin();
  for (int i = 0; i < n; ++i) write_token(stream);
  write_end(stream, boost::json::serialize(boost::json::object{
                        {"prompt_tokens", request.at("prompt").as_array().size()}, {"completion_tokens", n}}));
}

inline void refuse(const Exchange& exchange, int status, const std::string& message) {
  exchange->respond({status, "application/json", R"({"error": {"message": ")" + message + "\"}}", {}});
}

class ScriptedServer {
 public:
  using Script = std::function<void(const Exchange& exchange, const boost::json::value& request)>;

  Script script = answer_well;
  /// Answers well or refuses; returns whether it answered well.
  std::function<bool(const Exchange& exchange, const boost::json::value& request)> on_trial;
  bool has_tokenizer = true;

  void start() {
    http::Router router;
    router.add("GET", "/v1/models", [](const Exchange& exchange) {
      exchange->respond({200, "application/json", R"({"object": "list", "data": [{"id": "scripted"}]})", {}});
    });
    router.add("POST", "/tokenize", [this](const Exchange& exchange) {
      if (!has_tokenizer) return refuse(exchange, 404, "no such path");
      boost::json::array ids;
      for (int i = 0; i < 50; ++i) ids.push_back(i);
      exchange->respond({200, "application/json", boost::json::serialize(boost::json::object{{"tokens", ids}}), {}});
    });
    router.add("POST", "/v1/completions", [this](const Exchange& exchange) { complete(exchange); });
    options_.port = 0;
    server_ = std::make_unique<http::HttpServer>(options_, std::move(router));
    server_->start();
  }
  void stop() { server_->stop(); }

  http::ServerOptions& options() { return options_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()) + "/v1"; }

  /// Of the load, without the trial.
  std::vector<boost::json::value> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void complete(const Exchange& exchange) {
    const boost::json::value request = parse_json(exchange->request().body, "request");
    if (!trial_over_) {
      trial_over_ = !on_trial || on_trial(exchange, request);
      if (!on_trial) answer_well(exchange, request);
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    script(exchange, request);
  }

  http::ServerOptions options_;
  bool trial_over_ = false;
  std::mutex mutex_;
  std::vector<boost::json::value> requests_;
  std::unique_ptr<http::HttpServer> server_;  // last: its threads use the rest
};

}  // namespace marlin::load
