// SPDX-License-Identifier: Apache-2.0
// Responses that come later or in pieces, from other threads, to clients that stay, leave or do not read.
#include <thread>

#include "tests/serving/http/server_fixture.h"

namespace marlin::http {
namespace {

using ExchangePtr = std::shared_ptr<Exchange>;

class HttpStreamTest : public HttpServerTest {
 protected:
  /// Asks for /keep and gives the exchange.
  ExchangePtr keep(RawClient& client, const std::string& request = get("/keep")) {
    client.send(request);
    return kept_.take();
  }
};

TEST_F(HttpStreamTest, AnotherThreadAnswers) {
  start();
  RawClient client = connect();
  const ExchangePtr exchange = keep(client, post("/keep", "question"));
  std::thread([&] {
    EXPECT_EQ(exchange->request().body, "question");
    EXPECT_TRUE(exchange->respond({200, "text/plain", "answer", {{"x-extra", "1"}}}));
  }).join();
  const RawResponse response = client.receive();
  EXPECT_EQ(response.body, "answer");
  EXPECT_EQ(response.header("x-extra"), "1");
  EXPECT_FALSE(exchange->respond({200, "", "again", {}}));
  EXPECT_FALSE(exchange->begin_stream({}));
  EXPECT_FALSE(exchange->write("more"));
}

TEST_F(HttpStreamTest, PiecesArriveInOrderAsTheyAreWritten) {
  start();
  RawClient client = connect();
  const ExchangePtr exchange = keep(client);
  EXPECT_FALSE(exchange->write("too early"));
  std::thread producer([&] {
    EXPECT_TRUE(exchange->begin_stream({200, "text/plain", {}, {}}));
    EXPECT_TRUE(exchange->write("first "));
    EXPECT_TRUE(client.receive_until("first "));  // before the next is written
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(exchange->write(std::to_string(i) + " "));
    EXPECT_TRUE(exchange->end());
    EXPECT_FALSE(exchange->write("late"));
  });
  producer.join();
  const RawResponse response = client.receive();
  std::string expected = "first ";
  for (int i = 0; i < 1000; ++i) expected += std::to_string(i) + " ";
  EXPECT_EQ(response.body, expected);
  EXPECT_TRUE(response.whole);
  EXPECT_EQ(response.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(client.ask(get("/names/next")).body, "next?");  // the connection goes on
}

TEST_F(HttpStreamTest, ALargeAnswerArrivesWhole) {
  start();
  RawClient client = connect();
  const std::string body(5'000'000, 'x');  // more than a stream may have pending: an answer is there already
  keep(client)->respond({200, "", body, {}});
  EXPECT_EQ(client.receive().body, body);
}

TEST_F(HttpStreamTest, Http10StreamsUntilItCloses) {
  start();
  RawClient client = connect();
  const ExchangePtr exchange = keep(client, "GET /keep HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(exchange->begin_stream({200, "text/plain", {}, {}}));
  EXPECT_TRUE(exchange->write("plain "));
  EXPECT_TRUE(exchange->write("text"));
  EXPECT_TRUE(exchange->end());
  const RawResponse response = client.receive();
  EXPECT_EQ(response.header("Connection"), "close");
  EXPECT_EQ(response.header("Transfer-Encoding"), "");
  EXPECT_EQ(response.body, "plain text");
}

TEST_F(HttpStreamTest, ConnectionCloseStreamsInChunksThenCloses) {
  start();
  RawClient client = connect();
  const ExchangePtr exchange = keep(client, get("/keep", "Connection: close\r\n"));
  EXPECT_TRUE(exchange->begin_stream({200, "text/plain", {}, {}}));
  EXPECT_TRUE(exchange->write("all"));
  EXPECT_TRUE(exchange->end());
  const RawResponse response = client.receive();
  EXPECT_EQ(response.body, "all");
  EXPECT_TRUE(response.whole);
  EXPECT_TRUE(client.receive_end());
}

TEST_F(HttpStreamTest, HeadOfAStreamIsItsHead) {
  start();
  RawClient client = connect();
  const ExchangePtr exchange = keep(client, "HEAD /keep HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_FALSE(exchange->begin_stream({200, "text/plain", {}, {}}));
  EXPECT_FALSE(exchange->write("nobody reads this"));
  EXPECT_EQ(client.receive(false).header("Content-Type"), "text/plain");
  EXPECT_EQ(client.ask(get("/names/next")).body, "next?");
}

TEST_F(HttpStreamTest, EventsArriveAsTheFormatSays) {
  start();
  RawClient client = connect();
  EventStream events(keep(client));
  EXPECT_TRUE(events.begin({{"x-extra", "1"}}));
  EXPECT_TRUE(events.event("", "{\"a\":1}"));
  EXPECT_TRUE(events.event("delta", "two\nlines\r\nor three\r"));
  EXPECT_TRUE(events.event("", ""));
  EXPECT_TRUE(events.end());
  const RawResponse response = client.receive();
  EXPECT_EQ(response.header("Content-Type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(response.header("Cache-Control"), "no-cache");
  EXPECT_EQ(response.header("x-extra"), "1");
  EXPECT_EQ(response.body,
            "data: {\"a\":1}\n\n"
            "event: delta\ndata: two\ndata: lines\ndata: or three\ndata: \n\n"
            "data: \n\n");
}

TEST_F(HttpStreamTest, ASilentEventStreamPings) {
  options_.ping_interval = milliseconds(1);
  start();
  RawClient client = connect();
  EventStream events(keep(client));
  EXPECT_TRUE(events.begin());
  EXPECT_TRUE(client.receive_until(": ping\n\n"));
  EXPECT_TRUE(events.event("", "x"));
  EXPECT_TRUE(client.receive_until("data: x\n\n"));
  EXPECT_TRUE(events.end());
  EXPECT_TRUE(client.receive().whole);
}

TEST_F(HttpStreamTest, LeavingWhileNothingIsWrittenIsNoticed) {
  start();
  RawClient client = connect();
  const ExchangePtr exchange = keep(client, post("/keep", "question"));
  Mailbox<bool> closed;
  exchange->on_closed([&] { closed.add(exchange->is_closed()); });
  client.close();
  EXPECT_TRUE(closed.take());
  EXPECT_FALSE(exchange->respond({}));
  exchange->on_closed([&] { closed.add(true); });  // too late to wait for it
  EXPECT_TRUE(closed.take());
  const LoggedAccess access = accesses_.take();
  EXPECT_EQ(access.status, 0);
  EXPECT_FALSE(access.complete);
  EXPECT_TRUE(closed.empty());  // once
}

TEST_F(HttpStreamTest, LeavingInTheMiddleOfAStreamIsNoticed) {
  start();
  RawClient client = connect();
  const ExchangePtr exchange = keep(client);
  Mailbox<bool> closed;
  exchange->on_closed([&] { closed.add(true); });
  EXPECT_TRUE(exchange->begin_stream({200, "text/plain", {}, {}}));
  EXPECT_TRUE(exchange->write("begun"));
  EXPECT_TRUE(client.receive_until("begun"));
  client.close();
  EXPECT_TRUE(closed.take());
  EXPECT_FALSE(exchange->write("more"));
  EXPECT_FALSE(exchange->end());
  const LoggedAccess access = accesses_.take();
  EXPECT_EQ(access.status, 200);
  EXPECT_FALSE(access.complete);
}

TEST_F(HttpStreamTest, ACompleteResponseIsNotReportedAsClosed) {
  start();
  RawClient client = connect();
  Mailbox<bool> closed;
  auto guard = std::make_shared<int>(0);  // what the callback holds
  {
    const ExchangePtr exchange = keep(client);
    exchange->on_closed([&closed, guard] { closed.add(true); });
    EXPECT_EQ(guard.use_count(), 2);
    EXPECT_TRUE(exchange->respond({200, "", "done", {}}));
    EXPECT_EQ(guard.use_count(), 1);
    EXPECT_EQ(client.receive().body, "done");
    client.close();
  }
  server_->stop();
  EXPECT_TRUE(closed.empty());
}

TEST_F(HttpStreamTest, AnOnClosedThatThrowsIsReported) {
  start();
  RawClient client = connect();
  const ExchangePtr exchange = keep(client);
  exchange->on_closed([] { throw std::runtime_error("bad callback"); });
  client.close();
  EXPECT_NE(errors_.take().find("bad callback"), std::string::npos);
  EXPECT_EQ(connect().ask(get("/names/a")).status, 200);
}

TEST_F(HttpStreamTest, AHandlerThatGivesUpItsStreamCutsIt) {
  start();
  RawClient client = connect();
  ExchangePtr exchange = keep(client);
  EXPECT_TRUE(exchange->begin_stream({200, "text/plain", {}, {}}));
  EXPECT_TRUE(exchange->write("begun"));
  EXPECT_TRUE(client.receive_until("begun"));
  exchange.reset();
  EXPECT_FALSE(client.receive().whole);
}

// The system's own buffers take some megabytes before the limit is felt.
TEST_F(HttpStreamTest, AClientThatDoesNotReadIsCutOffAtTheLimit) {
  options_.max_pending_bytes = 100'000;
  options_.write_timeout = std::chrono::hours(1);  // so that it is the limit that is felt
  start();
  RawClient client = connect();
  const ExchangePtr exchange = keep(client);
  Mailbox<bool> closed;
  exchange->on_closed([&] { closed.add(true); });
  EXPECT_TRUE(exchange->begin_stream({200, "text/plain", {}, {}}));
  EXPECT_TRUE(exchange->write("begun"));
  EXPECT_TRUE(client.receive_until("begun"));
  const std::string piece(1000, 'p');
  std::size_t n_written = 0;
  while (exchange->write(piece)) {
    n_written += piece.size();
    ASSERT_LE(exchange->pending_bytes(), options_.max_pending_bytes);
    ASSERT_LE(n_written, std::size_t{1} << 30U) << "the limit is never felt";
    for (int i = 0; i < 1000 && exchange->pending_bytes() > 50'000; ++i) std::this_thread::yield();
  }
  EXPECT_TRUE(closed.take());
  EXPECT_TRUE(exchange->is_closed());
  EXPECT_FALSE(exchange->write("x"));
  EXPECT_LE(exchange->pending_bytes(), options_.max_pending_bytes);
  EXPECT_FALSE(client.receive().whole);
}

TEST_F(HttpStreamTest, APieceLargerThanTheLimitIsRefused) {
  options_.max_pending_bytes = 1000;
  start();
  RawClient client = connect();
  const ExchangePtr exchange = keep(client);
  EXPECT_TRUE(exchange->begin_stream({200, "text/plain", {}, {}}));
  EXPECT_FALSE(exchange->write(std::string(1001, 'x')));
  EXPECT_TRUE(exchange->is_closed());
}

TEST_F(HttpStreamTest, AClientThatStopsReadingRunsIntoTheWriteTimeout) {
  options_.write_timeout = milliseconds(50);
  start();
  RawClient client = connect();
  keep(client)->respond({200, "", std::string(64'000'000, 'x'), {}});
  const LoggedAccess access = accesses_.take();
  EXPECT_EQ(access.status, 200);
  EXPECT_FALSE(access.complete);
  EXPECT_LT(access.bytes_sent, 64'000'000U);
  EXPECT_FALSE(client.receive().whole);
}

}  // namespace
}  // namespace marlin::http
