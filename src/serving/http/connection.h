// SPDX-License-Identifier: Apache-2.0
// One client's connection: reads requests one after the other, hands them to their handlers, and sends the responses in
// the same order. HttpServer makes one for every client it accepts. The surprise: a client that closes its side while
// its response is unfinished counts as gone, because that looks no different from one that left.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "serving/http/client_socket.h"
#include "serving/http/request_gate.h"
#include "serving/http/request_parser.h"
#include "serving/http/response_queue.h"
#include "serving/http/response_text.h"
#include "serving/http/server_options.h"

namespace marlin::http {

class Connection;

/// What the connections of a server share; outlives them.
struct ConnectionContext {
  const ServerOptions& options;
  const RequestGate& gate;
  std::function<void(const std::shared_ptr<Connection>&)> on_finished;  ///< on the connection's strand, last
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, const ConnectionContext& context);

  /// Serves the client until it leaves; or, if it `is_welcome` no more, tells it 503.
  void start(bool is_welcome);
  /// Closes when no request is running. From any thread, as stop().
  void drain();
  /// Closes at once.
  void stop();

 private:
  using Clock = ClientSocket::Clock;
  enum class Reading { kDone, kTimeout, kGone };
  struct Reply;

  boost::asio::awaitable<void> serve(bool is_welcome);
  boost::asio::awaitable<bool> serve_request();
  boost::asio::awaitable<bool> wait_for_request();
  boost::asio::awaitable<Reading> read(RequestParser& parser, RequestParser::State part,
                                       std::chrono::milliseconds timeout, std::size_t bytes_per_timeout);
  boost::asio::awaitable<bool> read_body(RequestParser& parser, Reply& reply);
  boost::asio::awaitable<bool> refuse(Reply& reply, Response response);
  boost::asio::awaitable<bool> refuse_half_read(RequestParser& parser, Reply& reply, Reading reading);
  boost::asio::awaitable<bool> deliver(Reply& reply);
  boost::asio::awaitable<bool> send_batches(Reply& reply);

  [[nodiscard]] Reply reply_to(RequestParser& parser, Clock::time_point started) const;
  void open_queue(const Reply& reply);
  void call(const Route& route, Request request);
  [[nodiscard]] std::string encode_batch(Reply& reply, ResponseQueue::Batch batch);
  void wake();
  void client_gone();
  void report(std::string_view what) const;
  void record(const Reply& reply, bool complete, std::uint64_t bytes_sent) const;

  const ConnectionContext& context_;
  std::shared_ptr<ClientSocket> socket_;
  std::shared_ptr<ResponseQueue> queue_;  // of the request that is running
  bool is_streaming_ = false;             // its head is sent, its body comes in pieces
  bool draining_ = false;
};

}  // namespace marlin::http
