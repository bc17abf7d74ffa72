// SPDX-License-Identifier: Apache-2.0
// The server over real sockets: requests and responses, who may come in, and starting and stopping.
#include "serving/http/http_server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "metal_marlin/error.h"
#include "tests/serving/http/server_fixture.h"

namespace marlin::http {
namespace {

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  start();
  RawClient client = connect();
  for (const char* body : {"one", "", "three"}) {
    const RawResponse response = client.ask(post("/echo", body));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, body);
    EXPECT_EQ(response.header("Connection"), "keep-alive");
    EXPECT_EQ(response.header("Content-Type"), "text/plain");
    EXPECT_NE(response.header("Date"), "");
  }
  EXPECT_EQ(client.ask(get("/names/a%2Fb?c=d")).body, "a/b?c=d");
  EXPECT_EQ(server_->open_connections(), 1U);
}

TEST_F(HttpServerTest, ARequestMayComeByteByByte) {
  start();
  RawClient client = connect();
  for (const char c : post("/echo", "slow but sure")) client.send({&c, 1});
  EXPECT_EQ(client.receive().body, "slow but sure");
  for (const char c : std::string("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n")) {
    client.send({&c, 1});
  }
  EXPECT_EQ(client.receive().body, "abc0123456789");
}

TEST_F(HttpServerTest, ABodyMayBeLargerThanTheReadAhead) {
  options_.max_header_bytes = 1024;
  start();
  RawClient client = connect();
  const std::string body(3'000'000, 'b');
  std::thread sender([&] { client.send(post("/echo", body)); });
  EXPECT_EQ(client.receive().body, body);
  sender.join();
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  RawClient client = connect();
  client.send(get("/keep") + post("/echo", "second") + get("/nothing") + post("/echo", "fourth"));
  const auto first = kept_.take();
  std::thread([first] { first->respond({200, "", "first", {}}); }).join();
  EXPECT_EQ(client.receive().body, "first");
  EXPECT_EQ(client.receive().body, "second");
  EXPECT_EQ(client.receive().status, 404);
  EXPECT_EQ(client.receive().body, "fourth");
}

TEST_F(HttpServerTest, ManyPipelinedBytesWaitTheirTurn) {
  options_.max_header_bytes = 1024;
  start();
  RawClient client = connect();
  std::string requests = get("/keep");
  for (int i = 0; i < 500; ++i) requests += post("/echo", "body " + std::to_string(i));
  std::thread sender([&] { client.send(requests); });
  kept_.take()->respond({200, "", "first", {}});
  EXPECT_EQ(client.receive().body, "first");
  for (int i = 0; i < 500; ++i) ASSERT_EQ(client.receive().body, "body " + std::to_string(i));
  sender.join();
}

TEST_F(HttpServerTest, AClientMayCloseItsSideOnceItHasAsked) {
  start();
  RawClient client = connect();
  client.send(post("/echo", "one") + post("/echo", "two"));
  client.shut_down();
  EXPECT_EQ(client.receive().body, "one");
  EXPECT_EQ(client.receive().body, "two");
  EXPECT_TRUE(client.receive_end());
}

TEST_F(HttpServerTest, ClosesWhenTheClientAsksForIt) {
  start();
  RawClient client = connect();
  const RawResponse response = client.ask(post("/echo", "last", "Connection: close\r\n"));
  EXPECT_EQ(response.body, "last");
  EXPECT_EQ(response.header("Connection"), "close");
  EXPECT_TRUE(client.receive_end());
}

TEST_F(HttpServerTest, Http10ClosesUnlessAskedToKeepAlive) {
  start();
  RawClient client = connect();
  EXPECT_EQ(client.ask("GET /names/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("Connection"), "keep-alive");
  EXPECT_EQ(client.ask("GET /names/a HTTP/1.0\r\n\r\n").header("Connection"), "close");
  EXPECT_TRUE(client.receive_end());
}

TEST_F(HttpServerTest, HeadHasTheHeadOfGetAndNoBody) {
  start();
  RawClient client = connect();
  client.send("HEAD /names/abc HTTP/1.1\r\nHost: a\r\n\r\n" + get("/names/next"));
  const RawResponse head = client.receive(false);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "4");
  EXPECT_EQ(client.receive().body, "next?");
}

TEST_F(HttpServerTest, SaysContinueToThoseWhoWaitForIt) {
  start();
  RawClient client = connect();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_EQ(client.ask(head).status, 100);
  EXPECT_EQ(client.ask("body").body, "body");
  EXPECT_EQ(client.ask(head + "here").body, "here");  // it did not wait
  client.send("POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 404);  // and the body is not wanted
  EXPECT_TRUE(client.receive_end());
}

TEST_F(HttpServerTest, UnknownPathsAndMethodsAreRefused) {
  start();
  RawClient client = connect();
  EXPECT_EQ(client.ask(get("/nothing")).status, 404);
  const RawResponse response = client.ask("DELETE /keep HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.header("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(client.ask(get("/names/%zz")).status, 400);
  EXPECT_EQ(client.ask(get("/names/still-open")).status, 200);
}

TEST_F(HttpServerTest, AnExceptionIsA500AndTheServerLivesOn) {
  start();
  RawClient client = connect();
  const RawResponse response = client.ask(get("/throw", "x-request-id: abc-1\r\n"));
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
  EXPECT_EQ(errors_.take(), "GET /throw (abc-1): the secret reason");
  EXPECT_EQ(client.ask(post("/echo", "alive")).body, "alive");
}

TEST_F(HttpServerTest, AnExchangeThatIsLetGoIsA500) {
  start();
  RawClient client = connect();
  client.send(get("/keep"));
  kept_.take().reset();
  EXPECT_EQ(client.receive().status, 500);
}

TEST_F(HttpServerTest, RequestIdsAreTakenOrMade) {
  start();
  RawClient client = connect();
  EXPECT_EQ(client.ask(get("/names/a", "x-request-id: Job_1.2-3\r\n")).header("x-request-id"), "Job_1.2-3");
  const std::string made = client.ask(get("/names/a", "x-request-id: a b<c>\r\n")).header("x-request-id");
  const std::string other = client.ask(get("/names/a")).header("x-request-id");
  EXPECT_TRUE(made.starts_with("req-") && other.starts_with("req-")) << made << " " << other;
  EXPECT_NE(made, other);
}

TEST_F(HttpServerTest, EveryRequestIsLogged) {
  start();
  RawClient client = connect();
  client.send(post("/echo?key=secret", "0123456789", "x-request-id: id1\r\n"));
  const RawResponse response = client.receive();
  const LoggedAccess access = accesses_.take();
  EXPECT_EQ(access.id, "id1");
  EXPECT_TRUE(access.client.starts_with("127.0.0.1:")) << access.client;
  EXPECT_EQ(access.method, "POST");
  EXPECT_EQ(access.path, "/echo");
  EXPECT_EQ(access.status, 200);
  EXPECT_TRUE(access.complete);
  EXPECT_EQ(access.bytes_sent, response.head.size() + response.body.size());
  client.ask("nonsense\r\n\r\n");
  EXPECT_EQ(accesses_.take().status, 400);
}

TEST_F(HttpServerTest, AHeaderValueCannotBeginAnotherHeader) {
  router_.add("GET", "/split", [](const auto& exchange) {
    exchange->respond({200, "text/plain", "", {{"x-model", "a\r\nx-evil: b"}}});
  });
  start();
  const RawResponse response = connect().ask(get("/split"));
  EXPECT_EQ(response.header("x-evil"), "");
  EXPECT_EQ(response.header("x-model"), "a  x-evil: b");
}

TEST_F(HttpServerTest, KeysAreAskedForExceptOnPublicRoutes) {
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

TEST_F(HttpServerTest, AnErrorHookThatThrowsGivesPlainText) {
  options_.format_error = [](const ErrorInfo&) -> Response { throw std::runtime_error("hook"); };
  start();
  EXPECT_EQ(connect().ask(get("/nothing")).body, "There is no /nothing here.\n");
  EXPECT_EQ(errors_.take(), "format_error: hook");
}

TEST_F(HttpServerTest, CorsIsClosedByDefault) {
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

TEST_F(HttpServerTest, CorsOpensForTheOriginsThatAreListed) {
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
}

TEST_F(HttpServerTest, CorsCanBeOpenToAll) {
  options_.allowed_origins = {"*"};
  start();
  EXPECT_EQ(connect().ask(get("/names/a", "Origin: http://b.example\r\n")).header("Access-Control-Allow-Origin"),
            "http://b.example");
}

TEST_F(HttpServerTest, ServesTwoHundredConnectionsAtOnce) {
  options_.io_threads = 3;
  start();
  std::vector<RawClient> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(connect());
    clients.back().send(get("/keep", "x-request-id: c" + std::to_string(i) + "\r\n"));
  }
  std::vector<std::shared_ptr<Exchange>> exchanges;
  for (int i = 0; i < 200; ++i) exchanges.push_back(kept_.take());
  EXPECT_EQ(server_->open_connections(), 200U);
  for (const auto& exchange : exchanges) exchange->respond({200, "", exchange->request().id, {}});
  for (int i = 0; i < 200; ++i) EXPECT_EQ(clients[static_cast<std::size_t>(i)].receive().body, "c" + std::to_string(i));
}

TEST_F(HttpServerTest, APortThatIsTakenIsNamed) {
  start();
  ServerOptions options;
  options.port = server_->port();
  try {
    const HttpServer second(options, Router());
    ADD_FAILURE() << "both listen";
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("127.0.0.1:" + std::to_string(options.port)), std::string::npos) << what;
    EXPECT_NE(what.find("choose another port"), std::string::npos) << what;
  }
}

TEST_F(HttpServerTest, BadOptionsAreErrors) {
  const auto refused = [](const auto& change) {
    ServerOptions options;
    options.port = 0;
    change(options);
    EXPECT_THROW(HttpServer(options, Router()), Error);
  };
  refused([](ServerOptions& o) { o.host = ""; });
  refused([](ServerOptions& o) { o.host = "not an address"; });
  refused([](ServerOptions& o) { o.host = "192.0.2.1"; });  // nobody's
  refused([](ServerOptions& o) { o.io_threads = 0; });
  refused([](ServerOptions& o) { o.max_connections = 0; });
  refused([](ServerOptions& o) { o.idle_timeout = milliseconds(0); });
  refused([](ServerOptions& o) { o.api_keys = {""}; });
}

TEST_F(HttpServerTest, DrainLetsARunningStreamFinish) {
  start();
  RawClient idle = connect();
  EXPECT_EQ(idle.ask(get("/names/a")).status, 200);
  RawClient client = connect();
  client.send(get("/keep"));
  const auto exchange = kept_.take();
  EXPECT_TRUE(exchange->begin_stream({200, "text/plain", {}, {}}));
  EXPECT_TRUE(exchange->write("before "));
  std::atomic<bool> finished = false;
  std::thread drainer([&] { finished = server_->drain(std::chrono::minutes(1)); });
  EXPECT_TRUE(idle.receive_end());  // so the drain has begun
  EXPECT_TRUE(exchange->write("after"));
  EXPECT_TRUE(exchange->end());
  const RawResponse response = client.receive();
  EXPECT_EQ(response.body, "before after");
  EXPECT_TRUE(response.whole);
  client.close();
  drainer.join();
  EXPECT_TRUE(finished);
}

TEST_F(HttpServerTest, DrainLosesPatience) {
  start();
  RawClient client = connect();
  client.send(get("/keep"));
  const auto exchange = kept_.take();
  EXPECT_FALSE(server_->drain(milliseconds(1)));
  EXPECT_FALSE(exchange->respond({}));
  EXPECT_EQ(client.receive().status, 0);
}

TEST_F(HttpServerTest, StopEndsEverythingAlsoADrain) {
  start();
  RawClient client = connect();
  client.send(get("/keep"));
  const auto exchange = kept_.take();
  Mailbox<bool> closed;
  exchange->on_closed([&] { closed.add(true); });
  std::atomic<bool> finished = true;
  std::thread drainer([&] { finished = server_->drain(std::chrono::minutes(1)); });
  server_->stop();
  drainer.join();
  EXPECT_FALSE(finished);
  EXPECT_TRUE(closed.take());
  EXPECT_TRUE(exchange->is_closed());
  EXPECT_TRUE(client.receive_end());
}

TEST_F(HttpServerTest, RunReturnsAfterStop) {
  Router router;
  router.add("GET", "/", [](const auto& exchange) { exchange->respond({}); });
  HttpServer server(options_, std::move(router));
  std::thread runner([&] { server.run(); });
  EXPECT_EQ(RawClient(server.port()).ask(get("/")).status, 200);
  server.stop();
  runner.join();
}

// The descriptors of the clients exist before none are left; the system's queue takes them in meanwhile.
TEST_F(HttpServerTest, WaitsForDescriptorsWhenTheyRunOut) {
  start();
  RawClient other = connect();  // which stays, so that no descriptor comes free
  EXPECT_EQ(other.ask(get("/names/a")).status, 200);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int first_free = dup(0);
  ASSERT_GE(first_free, 0);
  ::close(first_free);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(first_free) + 1;  // the client's
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  RawClient client = connect();
  client.send(get("/names/late"));
  const std::string error = errors_.take();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(error.starts_with("accept: ")) << error;
  EXPECT_EQ(client.receive().body, "late?");
}

}  // namespace
}  // namespace marlin::http
