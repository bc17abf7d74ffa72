// SPDX-License-Identifier: Apache-2.0
// A client of the server under load: whole JSON answers, and streamed completions whose every piece of text gets its
// time. The load run has one for all requests; it runs on one thread, with a connection for each request, so that a
// stream that breaks spoils no other. Internal to the load library because it shows Asio.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "serving/load/request_outcome.h"
#include "serving/load/server_url.h"

namespace marlin::load {

struct WholeAnswer {
  int status = 0;
  std::string body;
};

class LoadClient {
 public:
  /// `api_key` may be empty. `timeout`: for everything about a request. Error: kInvalidArgument for a key that cannot
  /// be sent.
  LoadClient(boost::asio::any_io_executor executor, ServerUrl server, std::string api_key,
             std::chrono::milliseconds timeout);

  /// Looks up the server's name; first and once. Error: kInvalidArgument if there is no such host.
  boost::asio::awaitable<void> resolve();

  /// GET, or POST if there is a body. `path`: the whole. Throws RequestFailure if there is no answer.
  boost::asio::awaitable<WholeAnswer> ask(std::string path, std::string body);

  /// POSTs `body`, which asks for a stream, and reads the stream; `leave_after` as in PlannedRequest. Failures are
  /// outcomes.
  boost::asio::awaitable<RequestOutcome> complete(std::string path, std::string body,
                                                  std::optional<std::int64_t> leave_after);

 private:
  class Transfer;
  boost::asio::awaitable<void> stream(Transfer& transfer, std::string request, std::optional<std::int64_t> leave_after,
                                      RequestOutcome& outcome);
  [[nodiscard]] std::string encode(std::string_view path, std::string_view body) const;

  boost::asio::any_io_executor executor_;
  ServerUrl server_;
  std::string api_key_;
  std::chrono::milliseconds timeout_;
  boost::asio::ip::tcp::resolver::results_type endpoints_;
};

}  // namespace marlin::load
