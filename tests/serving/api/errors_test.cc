// SPDX-License-Identifier: Apache-2.0
// What clients are told when something is wrong: status, shape and the field at fault, on every endpoint.
#include <gtest/gtest.h>

#include "tests/serving/api/api_fixture.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

struct Endpoint {
  std::string_view path;
  std::string_view request;  // one that is right
};

constexpr Endpoint kEndpoints[] = {
    {"/v1/chat/completions", R"({"max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]})"},
    {"/v1/completions", R"({"max_tokens": 4, "prompt": "Hi"})"},
    {"/v1/responses", R"({"max_output_tokens": 4, "input": "Hi"})"},
    {"/v1/messages", R"({"max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]})"},
};

class ApiErrors : public ApiTest {
 protected:
  /// The message of an error with this status, in the shape of the path.
  std::string error(std::string_view path, std::string_view body, int status) {
    const http::RawResponse response = connect().ask(http::post(path, body));
    EXPECT_EQ(response.status, status) << path << " " << body << " " << response.body;
    EXPECT_EQ(response.header("content-type"), "application/json");
    const json::value answer = json::parse(response.body);
    EXPECT_EQ(answer.as_object().contains("type"), path.starts_with("/v1/messages")) << path;
    return text_at(answer, "/error/message");
  }

  /// A right request with one field changed.
  static std::string with(const Endpoint& endpoint, std::string_view key, const json::value& value) {
    json::object request = json::parse(endpoint.request).as_object();
    request[key] = value;
    return json::serialize(request);
  }
};

TEST_F(ApiErrors, ARequestMustBeAnObjectOfJson) {
  start();
  for (const Endpoint& endpoint : kEndpoints) {
    for (const std::string_view body : {"", "{", "[]", "7", R"({"a": 1, "a": 2})", "{\"stream\": tru", "\xff"}) {
      EXPECT_NE(error(endpoint.path, body, 400).find("the request"), std::string::npos) << endpoint.path << " " << body;
    }
    EXPECT_NE(error(endpoint.path, std::string(500, '['), 400).find("the request"), std::string::npos);
  }
}

TEST_F(ApiErrors, AFieldOfTheWrongTypeIsNamed) {
  start();
  for (const Endpoint& endpoint : kEndpoints) {
    EXPECT_EQ(post(endpoint.path, json::parse(endpoint.request)).status, 200) << endpoint.path;
    for (const std::string_view key : {"temperature", "top_p", "top_k", "seed", "stream", "stop", "model"}) {
      EXPECT_NE(error(endpoint.path, with(endpoint, key, json::object()), 400).find(key), std::string::npos)
          << endpoint.path << " " << key;
    }
    for (const std::string_view key : {"messages", "prompt", "input"}) {
      if (endpoint.request.find("\"" + std::string(key)) == std::string_view::npos) continue;
      EXPECT_NE(error(endpoint.path, with(endpoint, key, 7), 400).find(key), std::string::npos) << endpoint.path;
    }
  }
}

TEST_F(ApiErrors, AValueOutOfRangeIsNamed) {
  start();
  for (const Endpoint& endpoint : kEndpoints) {
    EXPECT_NE(error(endpoint.path, with(endpoint, "temperature", -1), 400).find("temperature"), std::string::npos);
    EXPECT_NE(error(endpoint.path, with(endpoint, "max_tokens", 0), 400).find("max_tokens"), std::string::npos);
  }
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_NE(error(kEndpoints[i].path, with(kEndpoints[i], "n", 0), 400).find("n"), std::string::npos);
    EXPECT_NE(error(kEndpoints[i].path, with(kEndpoints[i], "n", 1000), 400).find("n"), std::string::npos);
  }
}

TEST_F(ApiErrors, AnotherModelIsNotFoundAndThisOneIsNamed) {
  start();
  for (const Endpoint& endpoint : kEndpoints) {
    EXPECT_EQ(error(endpoint.path, with(endpoint, "model", "gpt-7"), 404),
              "there is no model 'gpt-7'; this server has 'demo'");
    EXPECT_EQ(post(endpoint.path, json::parse(with(endpoint, "model", "demo"))).status, 200);
  }
  EXPECT_EQ(connect().ask(http::get("/v1/models/gpt-7")).status, 404);
}

TEST_F(ApiErrors, APromptThatFillsTheContextIsRefused) {
  start();
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "fox ";
  const json::value body = json::object{{"prompt", text}};
  const http::RawResponse response = post("/v1/completions", body);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(text_at(json::parse(response.body), "/error/code"), "context_length_exceeded");
  EXPECT_EQ(text_at(json::parse(response.body), "/error/type"), "invalid_request_error");
}

TEST_F(ApiErrors, PathsAndMethodsThatAreNotThereSayWhatIs) {
  start();
  error("/v1/completion", "{}", 404);
  error("/v1/messages/count", "{}", 404);
  const http::RawResponse response = connect().ask(http::get("/v1/messages"));
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.header("allow"), "POST, OPTIONS");
  EXPECT_EQ(text_at(json::parse(response.body), "/type"), "error");
}

TEST_F(ApiErrors, WhoFindsTheQueueFullMayTryAgain) {
  start({.batch = {.max_batch_size = 1, .max_batch_tokens = 512}, .max_queue = 0});
  http::RawClient busy = connect();
  busy.send(http::post("/v1/completions", R"({"prompt": "a", "ignore_eos": true, "max_tokens": -1, "stream": true})"));
  ASSERT_TRUE(busy.receive_until("data: "));
  for (const Endpoint& endpoint : kEndpoints) {
    const http::RawResponse response = post(endpoint.path, json::parse(endpoint.request));
    EXPECT_EQ(response.status, 503) << endpoint.path;
    EXPECT_EQ(response.header("retry-after"), "1");
    EXPECT_EQ(text_at(json::parse(response.body), "/error/type"), "overloaded_error");
  }
}

}  // namespace
}  // namespace marlin::api
