// SPDX-License-Identifier: Apache-2.0
// The endpoints that generate nothing, and what happens to generations that nobody waits for.
#include "serving/api/api_routes.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/serving/api/api_fixture.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

class ApiRoutes : public ApiTest {
 protected:
  /// Waits for a condition that only a hang keeps from coming.
  template <typename Condition>
  static void wait_until(const Condition& condition) {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), patience);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  std::string metrics() { return connect().ask(http::get("/metrics")).body; }
};

TEST_F(ApiRoutes, TheModelIsListedAndFoundByItsName) {
  start();
  const json::value list = get("/v1/models");
  EXPECT_EQ(text_at(list, "/data/0/id"), "demo");
  EXPECT_EQ(at(list, "/data/0/max_model_len"), 4096);
  EXPECT_EQ(get("/v1/models/demo"), at(list, "/data/0"));
}

TEST_F(ApiRoutes, TextGoesToTokensAndBack) {
  start();
  const json::value tokens = ask("/tokenize", json::object{{"content", "One day, a fox<|user|>"}});
  EXPECT_EQ(at(tokens, "/count").as_int64(), static_cast<std::int64_t>(at(tokens, "/tokens").as_array().size()));
  EXPECT_EQ(at(tokens, "/tokens").as_array().back(), 4070);
  EXPECT_EQ(text_at(ask("/detokenize", json::object{{"tokens", at(tokens, "/tokens")}}), "/content"),
            "One day, a fox<|user|>");
}

TEST_F(ApiRoutes, TheTemplateCanBeTried) {
  start();
  EXPECT_EQ(text_at(ask("/apply-template", greedy(R"({"messages": [{"role": "user", "content": "Hi"}]})")), "/prompt"),
            "[gMASK]<sop><|user|>Hi<|assistant|></think>");
}

TEST_F(ApiRoutes, PropertiesTellOfTheModelAndNotWhereItLies) {
  start({.batch = {.max_batch_size = 3, .max_batch_tokens = 512}});
  const json::value props = get("/props");
  EXPECT_EQ(at(props, "/total_slots"), 3);
  EXPECT_EQ(at(props, "/default_generation_settings/n_ctx"), 4096);
  EXPECT_EQ(text_at(props, "/model_alias"), "demo");
  EXPECT_TRUE(text_at(props, "/chat_template").starts_with("[gMASK]<sop>"));
  EXPECT_EQ(text_at(props, "/eos_token"), "<|endoftext|>");
  EXPECT_EQ(text_at(props, "/model_path").find('/'), std::string::npos);
}

TEST_F(ApiRoutes, OnlyHealthIsPublic) {
  start({}, {"secret"});
  EXPECT_EQ(connect().ask(http::get("/health")).status, 200);
  for (const std::string_view path : {"/v1/models", "/props", "/metrics", "/nothing"}) {
    EXPECT_EQ(connect().ask(http::get(path)).status, 401) << path;
    EXPECT_NE(connect().ask(http::get(path, "Authorization: Bearer secret\r\n")).status, 401) << path;
  }
}

TEST_F(ApiRoutes, WhatAClientThatLeavesAskedForIsStopped) {
  start();
  constexpr std::string_view kEndless = R"("ignore_eos": true, "temperature": 0, "stream": true, "max_tokens": 4000})";
  const std::string prompt = R"({"prompt": "a", )";
  const std::string messages = R"({"messages": [{"role": "user", "content": "Hi"}], )";
  const std::pair<std::string_view, std::string> requests[] = {{"/v1/completions", prompt},
                                                               {"/v1/chat/completions", messages},
                                                               {"/v1/responses", R"({"input": "Hi", )"},
                                                               {"/v1/messages", messages}};
  int n_left = 0;
  for (const auto& [path, fields] : requests) {
    http::RawClient client = connect();
    client.send(http::post(path, fields + std::string(kEndless)));
    ASSERT_TRUE(client.receive_until("data: "));
    client.close();
    const std::string aborted = "finished_reason=\"abort\"} " + std::to_string(++n_left);
    wait_until([&] { return metrics().find(aborted) != std::string::npos; });
  }
  wait_until([&] { return model_->engine().gauges().n_blocks_in_use == 0; });
}

}  // namespace
}  // namespace marlin::api
