// SPDX-License-Identifier: Apache-2.0
// The server over real sockets: requests, responses and their log.
#include "serving/http/http_server.h"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

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

TEST_F(HttpServerTest, ServesTwoHundredConnectionsAtOnce) {
  rlimit descriptors{};  // a Mac begins with 256
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
  descriptors.rlim_cur = std::max<rlim_t>(descriptors.rlim_cur, 1000);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
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

}  // namespace
}  // namespace marlin::http
