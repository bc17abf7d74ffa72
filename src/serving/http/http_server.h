// SPDX-License-Identifier: Apache-2.0
// The front of the server: listens, and gives every client a connection on a small pool of io threads. The API layer
// fills a Router and starts it; signals and command lines are the program's affair. Surprise: handlers run on the io
// threads, so stop() and drain() must be called from elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "serving/http/router.h"
#include "serving/http/server_options.h"

namespace marlin::http {

class HttpServer {
 public:
  /// Listens at once, so that a port that is taken is known early; clients are served after start(). Error:
  /// kInvalidArgument for options that make no sense and an address that cannot be had, naming it.
  HttpServer(ServerOptions options, Router router);
  /// As stop().
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  /// Starts the io threads. Once.
  void start();
  /// start(), then waits until stop() or drain() has ended on another thread.
  void run();

  /// Takes no more clients and closes those that are idle, lets running requests finish, then stops. Returns whether
  /// all of them finished within `patience`; the others are cut off.
  bool drain(std::chrono::milliseconds patience);
  /// Cuts every connection off and ends the threads. Handlers that are running are waited for. Also ends a drain() that
  /// is under way on another thread.
  void stop();

  [[nodiscard]] std::size_t open_connections() const;

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace marlin::http
