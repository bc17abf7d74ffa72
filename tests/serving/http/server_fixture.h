// SPDX-License-Identifier: Apache-2.0
// A server with routes that show what arrived and keep exchanges for the test to answer, and its logs.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "serving/http/event_stream.h"
#include "serving/http/exchange.h"
#include "serving/http/http_server.h"
#include "tests/serving/http/raw_client.h"

namespace marlin::http {

using std::chrono::milliseconds;

/// Things that other threads add and a test waits for.
template <typename T>
class Mailbox {
 public:
  void add(T item) {
    const std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
    changed_.notify_all();
  }
  /// The next one; a failure, and T(), if none comes.
  T take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [this] { return !items_.empty(); })) {
      ADD_FAILURE() << "nothing came";
      return T();
    }
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  [[nodiscard]] bool empty() const {
    const std::lock_guard lock(mutex_);
    return items_.empty();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
};

/// An AccessRecord that owns its text.
struct LoggedAccess {
  std::string id;
  std::string client;
  std::string method;
  std::string path;
  int status = -1;
  bool complete = false;
  std::uint64_t bytes_sent = 0;
};

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() { options_.port = 0; }
  ~HttpServerTest() override {
    server_.reset();  // before what its handlers use
  }

  /// Starts the server with options_, and these routes besides the test's own:
  /// POST /echo           the body
  /// GET  /names/{name}   name and query
  /// GET  /keep, POST /keep   kept_ gets the exchange
  /// GET  /throw          a handler that throws
  void start() {
    router_.add("POST", "/echo", [](const auto& exchange) {
      exchange->respond({200, "text/plain", exchange->request().body, {}});
    });
    router_.add("GET", "/names/{name}", [](const auto& exchange) {
      const Request& request = exchange->request();
      exchange->respond({200, "text/plain", request.parameter("name") + "?" + request.query, {}});
    });
    router_.add("GET", "/keep", [this](const auto& exchange) { kept_.add(exchange); });
    router_.add("POST", "/keep", [this](const auto& exchange) { kept_.add(exchange); });
    router_.add("GET", "/throw", [](const auto&) { throw std::runtime_error("the secret reason"); });
    options_.on_access = [this](const AccessRecord& record) {
      accesses_.add({std::string(record.id), std::string(record.client), std::string(record.method),
                     std::string(record.path), record.status, record.complete, record.bytes_sent});
    };
    options_.on_error = [this](std::string_view what) { errors_.add(std::string(what)); };
    server_ = std::make_unique<HttpServer>(options_, std::move(router_));
    server_->start();
  }

  RawClient connect() { return RawClient(server_->port()); }

  Mailbox<std::shared_ptr<Exchange>> kept_;
  Mailbox<LoggedAccess> accesses_;
  Mailbox<std::string> errors_;
  ServerOptions options_;
  Router router_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace marlin::http
