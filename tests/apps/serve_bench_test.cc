// SPDX-License-Identifier: Apache-2.0
// metal-marlin serve-bench as scripts use it, on a scripted server.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/apps/program_run.h"
#include "tests/serving/load/scripted_server.h"

namespace marlin::test {
namespace {

TEST(ServeBench, PrintsOneJsonObject) {
  load::ScriptedServer server;
  server.start();
  const ProgramRun run = run_program({"serve-bench", server.url(), "--json", "-n", "6", "--concurrency", "2",
                                      "--prompt-tokens", "10", "--output-tokens", "3:5", "--seed", "7"});
  ASSERT_EQ(run.status, 0) << run.error;
  const auto object = parse_json(run.out, "output");
  EXPECT_EQ(object.at("requests_ok"), 6);
  EXPECT_EQ(object.at("total_input_tokens"), 60);
  EXPECT_EQ(object.at("seed"), 7);
  EXPECT_EQ(object.at("prompts"), "ids");
  EXPECT_EQ(object.at("output_tokens"), "3:5");
  EXPECT_TRUE(object.at("rate").is_null());
  for (const char* latency : {"ttft_ms", "itl_ms", "tpot_ms", "e2e_ms"}) {
    EXPECT_LE(object.at(latency).at("p50").as_double(), object.at(latency).at("p99").as_double());
  }
}

TEST(ServeBench, FailedRequestsAreInTheTableAndTheExitStatus) {
  load::ScriptedServer server;
  std::atomic<int> n = 0;
  server.script = [&](const load::Exchange& exchange, const boost::json::value& request) {
    n++ == 2 ? load::refuse(exchange, 503, "too much to do") : load::answer_well(exchange, request);
  };
  server.start();
  const ProgramRun run = run_program({"serve-bench", server.url(), "-n", "5"});
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.out.find("4 ok, 1 failed, 0 cancelled"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("failed: 1 x status 503, for example: too much to do"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("| TTFT |"), std::string::npos) << run.out;
  EXPECT_NE(run.error.find("1 of 5 requests failed"), std::string::npos) << run.error;
}

TEST(ServeBench, ClientsThatLeaveAreNoFailures) {
  load::ScriptedServer server;
  std::vector<load::Exchange> kept;  // never answered to the end
  server.script = [&](const load::Exchange& exchange, const boost::json::value&) {
    http::EventStream stream(exchange);
    stream.begin();
    load::write_token(stream);
    kept.push_back(exchange);
  };
  server.start();
  const ProgramRun run =
      run_program({"serve-bench", server.url(), "-n", "5", "--cancel-share", "1", "--output-tokens", "2"});
  EXPECT_EQ(run.status, 0) << run.error;
  EXPECT_NE(run.out.find("0 ok, 0 failed, 5 cancelled"), std::string::npos) << run.out;
  server.stop();
}

TEST(ServeBench, TheKeyMayComeFromTheEnvironment) {
  load::ScriptedServer server;
  server.options().api_keys = {"secret"};
  server.start();
  EXPECT_EQ(run_program({"serve-bench", server.url(), "-n", "1"}, "", {{"OPENAI_API_KEY", "secret"}}).status, 0);
  EXPECT_EQ(run_program({"serve-bench", server.url(), "-n", "1"}, "", {{"OPENAI_API_KEY", "guess"}}).status, 1);
}

TEST(ServeBench, WrongUsageIsNamed) {
  const auto refused = [](const std::vector<std::string>& arguments, int status, const std::string& part) {
    std::vector<std::string> all = {"serve-bench"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const ProgramRun run = run_program(all);
    EXPECT_EQ(run.status, status) << part;
    EXPECT_NE(run.error.find(part), std::string::npos) << run.error;
  };
  refused({"https://127.0.0.1/v1"}, 1, "plain http");
  refused({"127.0.0.1:8080"}, 2, "http://127.0.0.1:8080/v1");
  refused({"--prompt-tokens", "5:"}, 2, "--prompt-tokens");
  refused({"--output-tokens", "5:4"}, 2, "--output-tokens");
  refused({"--rate", "0"}, 2, "--rate");
  refused({"--requests", "0"}, 2, "--requests");
}

}  // namespace
}  // namespace marlin::test
