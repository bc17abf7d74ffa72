// SPDX-License-Identifier: Apache-2.0
// A server that starts, drains, stops, cannot start, or runs out of descriptors.
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "metal_marlin/error.h"
#include "tests/serving/http/server_fixture.h"

namespace marlin::http {
namespace {

using HttpLifecycleTest = HttpServerTest;

TEST_F(HttpLifecycleTest, APortThatIsTakenIsNamed) {
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

TEST_F(HttpLifecycleTest, BadOptionsAreErrors) {
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

TEST_F(HttpLifecycleTest, DrainLetsARunningStreamFinish) {
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

TEST_F(HttpLifecycleTest, DrainLosesPatience) {
  start();
  RawClient client = connect();
  client.send(get("/keep"));
  const auto exchange = kept_.take();
  EXPECT_FALSE(server_->drain(milliseconds(1)));
  EXPECT_FALSE(exchange->respond({}));
  EXPECT_EQ(client.receive().status, 0);
}

TEST_F(HttpLifecycleTest, StopEndsEverythingAlsoADrain) {
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

TEST_F(HttpLifecycleTest, RunReturnsAfterStop) {
  Router router;
  router.add("GET", "/", [](const auto& exchange) { exchange->respond({}); });
  HttpServer server(options_, std::move(router));
  std::thread runner([&] { server.run(); });
  EXPECT_EQ(RawClient(server.port()).ask(get("/")).status, 200);
  server.stop();
  runner.join();
}

// The descriptors of the clients exist before none are left; the system's queue takes them in meanwhile.
TEST_F(HttpLifecycleTest, WaitsForDescriptorsWhenTheyRunOut) {
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
