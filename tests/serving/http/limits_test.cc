// SPDX-License-Identifier: Apache-2.0
// What hostile or broken clients meet: malformed requests, sizes, slowness, numbers.
#include <optional>
#include <thread>

#include "tests/serving/http/server_fixture.h"

namespace marlin::http {
namespace {

using HttpLimitsTest = HttpServerTest;

TEST_F(HttpLimitsTest, MalformedRequestsAreRefusedAndTheConnectionCloses) {
  start();
  const struct {
    const char* request;
    int status;
  } cases[] = {
      {"nonsense\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"G<T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nx: \x01\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},  // no Host
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", 400},
  };
  for (const auto& [request, status] : cases) {
    RawClient client = connect();
    const RawResponse response = client.ask(request);
    EXPECT_EQ(response.status, status) << request;
    EXPECT_EQ(response.header("Connection"), "close") << request;
    EXPECT_TRUE(client.receive_end()) << request;
  }
}

TEST_F(HttpLimitsTest, AHeadThatIsTooLargeIsA431) {
  options_.max_header_bytes = 4096;
  start();
  EXPECT_EQ(connect().ask(get("/names/a", "x: " + std::string(3500, 'x') + "\r\n")).status, 200);
  EXPECT_EQ(connect().ask(get("/names/a", "x: " + std::string(5000, 'x') + "\r\n")).status, 431);
  EXPECT_EQ(connect().ask("GET /" + std::string(100'000, 'x')).status, 431);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "a:\r\n";
  EXPECT_EQ(connect().ask(get("/names/a", many)).status, 431);
  RawClient client = connect();
  const std::string head = get("/names/a", "x: " + std::string(4070, 'x') + "\r\n");
  for (const char c : head) client.send({&c, 1});
  EXPECT_EQ(client.receive().status, 431);
}

TEST_F(HttpLimitsTest, ABodyThatIsTooLargeIsA413BeforeItIsRead) {
  options_.max_body_bytes = 1000;
  start();
  EXPECT_EQ(connect().ask(post("/echo", std::string(1000, 'x'))).status, 200);
  RawClient client = connect();
  const RawResponse response = client.ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(response.status, 413);
  EXPECT_TRUE(client.receive_end());
  EXPECT_EQ(connect().ask(post("/echo", std::string(5'000'000, 'x'))).status, 413);  // although it sends on
}

TEST_F(HttpLimitsTest, AChunkedBodyThatIsTooLargeIsA413) {
  options_.max_body_bytes = 1000;
  start();
  RawClient client = connect();
  std::string request = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 11; ++i) request += "64\r\n" + std::string(100, 'c') + "\r\n";
  EXPECT_EQ(client.ask(request).status, 413);
}

TEST_F(HttpLimitsTest, AChunkHeaderWithoutEndIsRefused) {
  options_.max_header_bytes = 1024;
  start();
  RawClient client = connect();
  EXPECT_EQ(
      client.ask("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(10'000, 'e'))
          .status,
      400);
}

TEST_F(HttpLimitsTest, TrailersCannotChangeTheHeaders) {
  options_.api_keys = {"key"};
  start();
  RawClient client = connect();
  client.send(
      "POST /keep HTTP/1.1\r\nHost: a\r\nx-api-key: key\r\nx: head\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\na\r\n0\r\nx: trailer\r\ny: trailer\r\n\r\n");
  const auto exchange = kept_.take();
  EXPECT_EQ(*exchange->request().header("x"), "head");
  EXPECT_EQ(exchange->request().header("y"), nullptr);
  exchange->respond({});
}

TEST_F(HttpLimitsTest, AHeadThatTakesTooLongIsA408) {
  options_.header_timeout = milliseconds(50);
  start();
  RawClient client = connect();
  const RawResponse response = client.ask("GET /names/a HTTP/1.1\r\nHo");
  EXPECT_EQ(response.status, 408);
  EXPECT_TRUE(client.receive_end());
}

// Each byte comes in time, the head does not.
TEST_F(HttpLimitsTest, TricklingDoesNotHelp) {
  options_.header_timeout = milliseconds(200);
  start();
  RawClient client = connect();
  client.send("GET /names/a HTTP/1.1\r\nHost: a\r\nx: ");
  while (accesses_.empty()) {
    client.send("x");
    std::this_thread::sleep_for(milliseconds(5));  // the pace of the attack, not a proof
  }
  EXPECT_EQ(accesses_.take().status, 408);
  EXPECT_EQ(client.receive().status, 408);
}

TEST_F(HttpLimitsTest, ABodyThatTakesTooLongIsA408) {
  options_.body_timeout = milliseconds(50);
  start();
  RawClient client = connect();
  EXPECT_EQ(client.ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").status, 408);
  EXPECT_TRUE(client.receive_end());
}

TEST_F(HttpLimitsTest, AnIdleConnectionIsClosedWithoutAWord) {
  options_.idle_timeout = milliseconds(50);
  start();
  RawClient client = connect();
  EXPECT_TRUE(client.receive_end());
  std::optional<RawClient> other;
  int n_tries = 0;
  do {  // on a busy machine it may ask too late
    ASSERT_LT(++n_tries, 1000);
    other.emplace(server_->port());
  } while (other->ask(get("/names/a")).status != 200);
  EXPECT_TRUE(other->receive_end());
}

TEST_F(HttpLimitsTest, OneConnectionTooManyIsA503) {
  options_.max_connections = 2;
  start();
  RawClient first = connect();
  RawClient second = connect();
  EXPECT_EQ(first.ask(get("/names/a")).status, 200);
  EXPECT_EQ(second.ask(get("/names/a")).status, 200);
  RawClient third = connect();
  const RawResponse response = third.ask(get("/names/a"));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.header("Retry-After"), "1");
  EXPECT_TRUE(third.receive_end());
  first.close();
  third.close();
  int status = 503;
  for (int n_tries = 0; status == 503 && n_tries < 10'000;
       ++n_tries) {  // the server may notice only after the next came
    status = connect().ask(get("/names/a")).status;
  }
  EXPECT_EQ(status, 200);
}

TEST_F(HttpLimitsTest, ClientsThatLeaveInTheMiddleOfARequestAreForgotten) {
  start();
  for (const char* part : {"", "GET", "GET / HTTP/1.1\r\nHost: a\r\n",
                           "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"}) {
    RawClient client = connect();
    client.send(part);
    client.shut_down();
    EXPECT_TRUE(client.receive_end()) << part;
  }
  EXPECT_EQ(connect().ask(get("/names/a")).status, 200);
}

}  // namespace
}  // namespace marlin::http
