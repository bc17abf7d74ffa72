// SPDX-License-Identifier: Apache-2.0
// Who may come in: API keys, and web pages of other origins.
#include "tests/serving/http/server_fixture.h"

namespace marlin::http {
namespace {

using RequestGateTest = HttpServerTest;

TEST_F(RequestGateTest, KeysAreAskedForExceptOnPublicRoutes) {
  options_.api_keys = {"first-key", "second"};
  options_.format_error = [](const ErrorInfo& error) {
    return Response{error.status, "x/shaped", std::string(error.code) + " at " + std::string(error.path), {}};
  };
  router_.add(
      "GET", "/health",
      [](const auto& e) {
        e->respond({200, "", "ok", {}});
      },
      Access::kPublic);
  start();
  RawClient client = connect();
  EXPECT_EQ(client.ask(get("/health")).body, "ok");
  const RawResponse refused = client.ask(get("/names/a"));
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.header("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(refused.header("Content-Type"), "x/shaped");
  EXPECT_EQ(refused.body, "invalid_api_key at /names/a");
  EXPECT_EQ(client.ask(get("/nothing")).status, 401);  // no probing for paths
  for (const char* header : {"Authorization: Bearer first-key", "authorization: bearer second", "X-Api-Key: second"}) {
    EXPECT_EQ(client.ask(get("/names/a", std::string(header) + "\r\n")).status, 200) << header;
  }
  for (const char* header : {"Authorization: Bearer first-ke", "Authorization: Bearer first-keyy",
                             "Authorization: first-key", "Authorization: Basic first-key", "Authorization: Bearer ",
                             "x-api-key: secondsecond", "x-api-key:", "x-api-key: "}) {
    EXPECT_EQ(client.ask(get("/names/a", std::string(header) + "\r\n")).status, 401) << header;
  }
  // A body is not taken from strangers.
  EXPECT_EQ(client.ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n").status, 401);
  EXPECT_TRUE(client.receive_end());
}

TEST_F(RequestGateTest, AnErrorHookThatThrowsGivesPlainText) {
  options_.format_error = [](const ErrorInfo&) -> Response { throw std::runtime_error("hook"); };
  start();
  EXPECT_EQ(connect().ask(get("/nothing")).body, "There is no /nothing here.\n");
  EXPECT_EQ(errors_.take(), "format_error: hook");
}

// A browser would keep the answer from the page, but the server would have done the work.
TEST_F(RequestGateTest, PagesOfOtherOriginsAreRefused) {
  start();
  for (const char* headers : {"Origin: http://a.example\r\n", "Origin: null\r\n", "Origin: http://127.0.0.1:1\r\n",
                              "Origin: http://a.example\r\nSec-Fetch-Site: cross-site\r\n"}) {
    RawClient client = connect();
    const std::string request = "POST /echo HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n" + std::string(headers);
    EXPECT_EQ(client.ask(request + "Content-Length: 2\r\n\r\nhi").status, 403) << headers;
  }
}

TEST_F(RequestGateTest, TheServersOwnPageNeedsNoLeave) {
  start();
  RawClient client = connect();
  for (const char* headers :
       {"Host: 127.0.0.1:8080\r\nOrigin: http://127.0.0.1:8080\r\n", "Host: localhost\r\nOrigin: http://LOCALHOST\r\n",
        "Host: [::1]:80\r\nOrigin: http://[::1]:80\r\n", "Host: llm.example\r\nOrigin: https://llm.example\r\n",
        "Host: 127.0.0.1:8080\r\nOrigin: https://llm.example\r\nSec-Fetch-Site: same-origin\r\n"}) {
    const std::string request = "POST /echo HTTP/1.1\r\n" + std::string(headers);
    EXPECT_EQ(client.ask(request + "Content-Length: 2\r\n\r\nhi").status, 200) << headers;
  }
}

constexpr const char* kRebound =
    "POST /echo HTTP/1.1\r\nHost: a.example:8080\r\nOrigin: http://a.example:8080\r\nContent-Length: 2\r\n\r\nhi";

TEST_F(RequestGateTest, ANameThatWasMadeToLeadHereIsNotTheServersOwnPage) {
  start();
  EXPECT_EQ(connect().ask(kRebound).status, 403);
}

TEST_F(RequestGateTest, ServersForOtherMachinesMayHaveAnyName) {
  options_.host = "0.0.0.0";
  start();
  EXPECT_EQ(connect().ask(kRebound).status, 200);
}

TEST_F(RequestGateTest, ServersWithKeysMayHaveAnyName) {
  options_.api_keys = {"key"};
  start();
  EXPECT_EQ(connect()
                .ask("POST /echo HTTP/1.1\r\nHost: a.example\r\nOrigin: http://a.example\r\nx-api-key: key\r\n"
                     "Content-Length: 2\r\n\r\nhi")
                .status,
            200);
}

TEST_F(RequestGateTest, CorsIsClosedByDefault) {
  start();
  RawClient client = connect();
  const std::string preflight =
      "OPTIONS /echo HTTP/1.1\r\nHost: a\r\nOrigin: http://a.example\r\nAccess-Control-Request-Method: POST\r\n\r\n";
  const RawResponse response = client.ask(preflight);
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.header("Allow"), "POST, OPTIONS");
  EXPECT_EQ(response.header("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(response.header("Access-Control-Allow-Methods"), "");
  EXPECT_EQ(client.ask(post("/echo", "", "Origin: http://a.example\r\n")).header("Access-Control-Allow-Origin"), "");
}

TEST_F(RequestGateTest, CorsOpensForTheOriginsThatAreListed) {
  options_.allowed_origins = {"http://a.example"};
  options_.api_keys = {"key"};  // a preflight comes without one
  start();
  RawClient client = connect();
  const RawResponse preflight = client.ask(
      "OPTIONS /echo HTTP/1.1\r\nHost: a\r\nOrigin: http://a.example\r\n"
      "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-one, x-two\r\n\r\n");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.header("Access-Control-Allow-Origin"), "http://a.example");
  EXPECT_EQ(preflight.header("Access-Control-Allow-Methods"), "POST, OPTIONS");
  EXPECT_EQ(preflight.header("Access-Control-Allow-Headers"), "x-one, x-two");
  const RawResponse refused = client.ask(get("/names/a", "Origin: http://a.example\r\n"));
  EXPECT_EQ(refused.status, 401);  // which the page may read, too
  EXPECT_EQ(refused.header("Access-Control-Allow-Origin"), "http://a.example");
  EXPECT_EQ(refused.header("Vary"), "Origin");
  const RawResponse other = client.ask(get("/names/a", "Origin: http://b.example\r\n"));
  EXPECT_EQ(other.header("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(client.ask("OPTIONS /echo HTTP/1.1\r\nHost: a\r\nOrigin: http://b.example\r\n\r\n").status, 401);
}

TEST_F(RequestGateTest, CorsCanBeOpenToAll) {
  options_.allowed_origins = {"*"};
  start();
  EXPECT_EQ(connect().ask(get("/names/a", "Origin: http://b.example\r\n")).header("Access-Control-Allow-Origin"),
            "http://b.example");
}

}  // namespace
}  // namespace marlin::http
