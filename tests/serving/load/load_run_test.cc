// SPDX-License-Identifier: Apache-2.0
// Whole loads on a server that delays, refuses, lies, breaks off or is not there.
#include "serving/load/load_run.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "metal_marlin/error.h"
#include "tests/serving/load/scripted_server.h"

namespace marlin::load {
namespace {

class LoadRunTest : public ::testing::Test {
 protected:
  LoadRunTest() {
    options_.n_requests = 12;
    options_.concurrency = 3;
    options_.shape.prompt_tokens = {10, 20};
    options_.shape.output_tokens = {4, 4};
    options_.timeout = std::chrono::minutes(1);  // only a hang takes so long
  }

  LoadReport run() {
    server_.start();
    options_.server = parse_server_url(server_.url());
    const LoadReport report =
        run_load(options_, [this](const LoadProgress& progress) { progress_.push_back(progress); });
    server_.stop();
    return report;
  }

  /// The only kind of failure in a report, as "COUNT KIND: MESSAGE".
  static std::string only_failure(const LoadReport& report) {
    if (report.failures.size() != 1) return std::to_string(report.failures.size()) + " kinds of failures";
    const auto& [kind, count] = *report.failures.begin();
    return std::to_string(count.n) + " " + kind + ": " + count.example;
  }

  /// run() must throw this code, with this in its message.
  void expect_error(ErrorCode code, const std::string& part) {
    try {
      run();
      ADD_FAILURE() << "no error about " << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }

  ScriptedServer server_;
  LoadOptions options_;
  std::vector<LoadProgress> progress_;
};

void expect_ordered(const LatencySummary& summary) {
  EXPECT_GE(summary.p50, 0);
  EXPECT_LE(summary.p50, summary.p95);
  EXPECT_LE(summary.p95, summary.p99);
  EXPECT_LE(summary.mean, summary.p99);
}

TEST_F(LoadRunTest, CountsWhatTheServerAnswers) {
  const LoadReport report = run();
  EXPECT_EQ(report.n_ok, 12);
  EXPECT_EQ(report.n_failed, 0);
  EXPECT_EQ(report.n_cancelled, 0);
  EXPECT_EQ(report.output_tokens, 48);
  EXPECT_EQ(report.n_texts, 48);
  EXPECT_EQ(report.n_without_usage, 0);
  EXPECT_LE(report.most_running, 3);
  EXPECT_EQ(report.model, "scripted");
  EXPECT_TRUE(report.has_id_prompts);
  EXPECT_TRUE(report.ignore_eos);
  std::int64_t n_prompt = 0;
  for (const auto& request : server_.requests()) {
    n_prompt += static_cast<std::int64_t>(request.at("prompt").as_array().size());
    EXPECT_EQ(request.at("model"), "scripted");
  }
  EXPECT_EQ(report.input_tokens, n_prompt);
  EXPECT_EQ(report.time_to_first_token.count, 12U);
  EXPECT_EQ(report.inter_token_latency.count, 36U);
  EXPECT_EQ(report.time_per_output_token.count, 12U);
  for (const LatencySummary& summary :
       {report.time_to_first_token, report.inter_token_latency, report.time_per_output_token, report.end_to_end}) {
    expect_ordered(summary);
  }
  EXPECT_LE(report.time_to_first_token.mean, report.end_to_end.mean);
  EXPECT_LE(report.end_to_end.p99, report.duration_seconds);
  EXPECT_EQ(progress_.size(), 24U);
  EXPECT_EQ(progress_.back().n_done, 12);
  EXPECT_EQ(progress_.back().n_running, 0);
}

TEST_F(LoadRunTest, TheSameSeedSendsTheSamePrompts) {
  options_.concurrency = 1;  // so that they arrive in order
  options_.shape.seed = 5;
  run();
  ScriptedServer second;
  second.start();
  options_.server = parse_server_url(second.url());
  run_load(options_, nullptr);
  EXPECT_EQ(server_.requests(), second.requests());
}

TEST_F(LoadRunTest, ADelayBeforeTheAnswerIsTimeToTheFirstToken) {
  options_.concurrency = 1;
  options_.n_requests = 3;
  server_.script = [](const Exchange& exchange, const boost::json::value& request) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    answer_well(exchange, request);
  };
  const LoadReport report = run();
  EXPECT_GE(report.time_to_first_token.p50, 0.02);
  EXPECT_GE(report.end_to_end.p50, 0.02);
  EXPECT_GE(report.duration_seconds, 0.06);
  EXPECT_EQ(report.n_ok, 3);
}

// Nobody is answered before three clients wait: with fewer at a time it would hang, with more the server would see it.
TEST_F(LoadRunTest, ConcurrencyIsReachedAndNotExceeded) {
  std::vector<std::pair<Exchange, boost::json::value>> waiting;
  server_.script = [&](const Exchange& exchange, const boost::json::value& request) {
    waiting.emplace_back(exchange, request);
    EXPECT_LE(waiting.size(), 3U);
    if (waiting.size() < 3) return;
    auto answered = std::exchange(waiting, {});
    for (const auto& [kept, fields] : answered) answer_well(kept, fields);
  };
  const LoadReport report = run();
  EXPECT_EQ(report.n_ok, 12);
  EXPECT_EQ(report.most_running, 3);
}

// No limit but the rate: all are there although none is answered before the last has come.
TEST_F(LoadRunTest, ARateAloneDoesNotWaitForAnswers) {
  options_.concurrency = 0;
  options_.shape.rate = 2000;
  std::vector<std::pair<Exchange, boost::json::value>> waiting;
  server_.script = [&](const Exchange& exchange, const boost::json::value& request) {
    waiting.emplace_back(exchange, request);
    if (waiting.size() < 12) return;
    for (const auto& [kept, fields] : waiting) answer_well(kept, fields);
    waiting.clear();
  };
  const LoadReport report = run();
  EXPECT_EQ(report.n_ok, 12);
  EXPECT_EQ(report.most_running, 12);
}

TEST_F(LoadRunTest, ARateSpreadsArrivals) {
  options_.concurrency = 0;
  options_.shape.rate = 500;
  LoadPlan plan(options_.shape, 50);
  double last_arrival = 0;
  for (int i = 0; i < 12; ++i) last_arrival = plan.next().arrival_seconds;
  EXPECT_GE(run().duration_seconds, last_arrival);
}

TEST_F(LoadRunTest, ADurationEndsTheLoad) {
  options_.n_requests = 0;
  options_.duration_seconds = 0.05;
  const LoadReport report = run();
  EXPECT_GT(report.n_ok, 0);
  EXPECT_EQ(report.n_failed, 0);
}

TEST_F(LoadRunTest, ARefusedRequestIsAFailureWithTheServersWords) {
  std::atomic<int> n = 0;
  server_.script = [&](const Exchange& exchange, const boost::json::value& request) {
    n++ % 4 == 0 ? refuse(exchange, 503, "too much to do") : answer_well(exchange, request);
  };
  const LoadReport report = run();
  EXPECT_EQ(report.n_ok, 9);
  EXPECT_EQ(report.n_failed, 3);
  EXPECT_EQ(only_failure(report), "3 status 503: too much to do");
  EXPECT_EQ(report.output_tokens, 36);
}

TEST_F(LoadRunTest, AStreamThatBreaksIsAFailure) {
  std::vector<std::thread> handlers;
  server_.script = [&](const Exchange& exchange, const boost::json::value&) {
    handlers.emplace_back([kept = exchange] {
      http::EventStream stream(kept);
      stream.begin();
      write_token(stream);
      while (kept->pending_bytes() > 0) std::this_thread::yield();  // without the head it would become a 500
    });
  };
  const LoadReport report = run();
  for (std::thread& handler : handlers) handler.join();
  EXPECT_EQ(report.n_failed, 12);
  EXPECT_EQ(only_failure(report).substr(0, 20), "12 connection broken") << only_failure(report);
  EXPECT_EQ(report.time_to_first_token.count, 0U);
}

TEST_F(LoadRunTest, AStreamWithoutItsEndIsAFailure) {
  server_.script = [](const Exchange& exchange, const boost::json::value&) {
    http::EventStream stream(exchange);
    stream.begin();
    write_token(stream);
    stream.end();
  };
  EXPECT_EQ(only_failure(run()), "12 stream broken: the stream ended without [DONE]");
}

TEST_F(LoadRunTest, AnErrorInTheStreamIsAFailure) {
  server_.script = [](const Exchange& exchange, const boost::json::value&) {
    http::EventStream stream(exchange);
    stream.begin();
    write_token(stream);
    stream.event("", R"({"error": {"message": "the device is gone"}})");
    write_end(stream, "");
  };
  EXPECT_EQ(only_failure(run()), "12 error in the stream: the device is gone");
}

TEST_F(LoadRunTest, AnswersThatAreNoStreamAreFailures) {
  std::atomic<int> n = 0;
  server_.script = [&](const Exchange& exchange, const boost::json::value&) {
    if (n++ % 2 == 0) return static_cast<void>(exchange->respond({200, "text/html", "<html>", {}}));
    http::EventStream stream(exchange);
    stream.begin();
    stream.event("", "not JSON");
    write_end(stream, "");
  };
  const LoadReport report = run();
  EXPECT_EQ(report.n_failed, 12);
  EXPECT_EQ(only_failure(report).substr(0, 24), "12 answer not understood");
}

TEST_F(LoadRunTest, ASilentServerRunsIntoTheTimeout) {
  options_.n_requests = 2;
  options_.timeout = std::chrono::milliseconds(300);
  std::vector<Exchange> kept;
  server_.script = [&](const Exchange& exchange, const boost::json::value&) { kept.push_back(exchange); };
  EXPECT_EQ(only_failure(run()).substr(0, 9), "2 timeout");
}

// The server never ends a stream: only clients that leave get out.
TEST_F(LoadRunTest, ClientsLeaveInTheMiddleOfTheirStream) {
  options_.shape.cancel_share = 1;
  server_.options().ping_interval = std::chrono::hours(1);  // nothing comes that would wake a client
  std::vector<Exchange> kept;
  server_.script = [&](const Exchange& exchange, const boost::json::value& request) {
    http::EventStream stream(exchange);
    stream.begin();
    for (int i = 0; i + 1 < request.at("max_tokens").to_number<int>(); ++i) write_token(stream);
    kept.push_back(exchange);
  };
  const LoadReport report = run();
  EXPECT_EQ(report.n_cancelled, 12);
  EXPECT_EQ(report.n_failed, 0);
  EXPECT_EQ(report.n_ok, 0);
}

TEST_F(LoadRunTest, WithoutUsageChunksAreCounted) {
  server_.script = [](const Exchange& exchange, const boost::json::value&) {
    http::EventStream stream(exchange);
    stream.begin();
    write_token(stream);
    write_token(stream);
    write_end(stream, "");
  };
  options_.shape.prompt_tokens = {10, 10};
  const LoadReport report = run();
  EXPECT_EQ(report.n_ok, 12);
  EXPECT_EQ(report.n_without_usage, 12);
  EXPECT_EQ(report.output_tokens, 24);
  EXPECT_EQ(report.input_tokens, 120);
}

TEST_F(LoadRunTest, TimePerTokenCountsTokensWhereChunksHoldSeveral) {
  server_.script = [](const Exchange& exchange, const boost::json::value&) {
    http::EventStream stream(exchange);
    stream.begin();
    write_token(stream);
    write_token(stream);
    write_end(stream,
              R"({"prompt_tokens": 10, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 8}})");
  };
  const LoadReport report = run();
  EXPECT_EQ(report.output_tokens, 108);
  EXPECT_EQ(report.n_texts, 24);
  EXPECT_EQ(report.cached_tokens, 96);
  EXPECT_NEAR(report.time_per_output_token.mean, report.inter_token_latency.mean / 8, 1e-12);
}

TEST_F(LoadRunTest, FormsThatTheServerRefusesAreLeftOut) {
  server_.on_trial = [](const Exchange& exchange, const boost::json::value& request) {
    const bool good = request.at("prompt").is_string() && !request.as_object().contains("ignore_eos");
    if (!good) refuse(exchange, request.at("prompt").is_array() ? 400 : 422, "what is that?");
    http::EventStream stream(exchange);
    if (good && stream.begin()) write_end(stream, "");
    return good;
  };
  server_.script = [](const Exchange& exchange, const boost::json::value&) {
    http::EventStream stream(exchange);
    stream.begin();
    write_end(stream, "");
  };
  const LoadReport report = run();
  EXPECT_FALSE(report.has_id_prompts);
  EXPECT_FALSE(report.ignore_eos);
  EXPECT_EQ(report.n_ok, 12);
  for (const auto& request : server_.requests()) {
    EXPECT_TRUE(request.at("prompt").is_string());
    EXPECT_FALSE(request.as_object().contains("ignore_eos"));
  }
}

TEST_F(LoadRunTest, IgnoreEosThatIsAskedForIsNotLeftOut) {
  options_.ignore_eos = true;
  server_.on_trial = [](const Exchange& exchange, const boost::json::value&) {
    refuse(exchange, 400, "ignore_eos: what is that?");
    return false;
  };
  expect_error(ErrorCode::kUnsupported, "ignore_eos: what is that?");
}

TEST_F(LoadRunTest, WithoutATokenizerPromptsAreWords) {
  server_.has_tokenizer = false;
  server_.on_trial = [](const Exchange& exchange, const boost::json::value& request) {
    EXPECT_TRUE(request.at("prompt").is_string());
    refuse(exchange, 500, "broken");
    return false;
  };
  expect_error(ErrorCode::kUnsupported, "status 500: broken");
}

TEST_F(LoadRunTest, TheKeyIsSent) {
  server_.options().api_keys = {"secret"};
  options_.api_key = "secret";
  EXPECT_EQ(run().n_ok, 12);
}

TEST_F(LoadRunTest, AWrongKeyIsToldBeforeTheLoad) {
  server_.options().api_keys = {"secret"};
  options_.api_key = "guess";
  expect_error(ErrorCode::kNotFound, "status 401");
}

TEST_F(LoadRunTest, AServerThatIsNotThereIsToldBeforeTheLoad) {
  server_.start();
  options_.server = parse_server_url(server_.url());
  server_.stop();
  try {
    run_load(options_, nullptr);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(error.what()).find(options_.server.authority()), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("cannot connect"), std::string::npos) << error.what();
  }
}

TEST(LoadRun, OptionsThatMakeNoSenseAreNamed) {
  const auto refused = [](const char* option, const auto& change) {
    LoadOptions options;
    options.server = parse_server_url("http://127.0.0.1:1");  // nobody's: options are judged first
    change(options);
    try {
      run_load(options, nullptr);
      ADD_FAILURE() << option;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
      EXPECT_NE(std::string(error.what()).find(option), std::string::npos) << error.what();
    }
  };
  refused("--requests", [](LoadOptions& o) { o.n_requests = -1; });
  refused("--duration", [](LoadOptions& o) { o.n_requests = 0; });
  refused("--duration", [](LoadOptions& o) { o.duration_seconds = 1e9; });
  refused("--rate", [](LoadOptions& o) { o.concurrency = 0; });
  refused("--concurrency", [](LoadOptions& o) { o.concurrency = 100'000; });
  refused("--timeout", [](LoadOptions& o) { o.timeout = std::chrono::milliseconds(0); });
  refused("--api-key", [](LoadOptions& o) { o.api_key = "a\r\nX-Admin: 1"; });
  refused("--cancel-share", [](LoadOptions& o) { o.shape.cancel_share = 2; });
}

}  // namespace
}  // namespace marlin::load
