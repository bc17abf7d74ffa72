// SPDX-License-Identifier: Apache-2.0
#include "serving/load/load_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <utility>

#include "base/error.h"
#include "io/json.h"
#include "serving/load/response_reader.h"
#include "serving/load/sse_reader.h"

namespace marlin::load {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = std::size_t{16} << 10U;
constexpr std::size_t kMaxEventBytes = std::size_t{4} << 20U;
constexpr std::size_t kMaxAnswerBytes = std::size_t{16} << 20U;

constexpr const char* kNotUnderstood = "answer not understood";

/// An event that came at `seconds`.
void take(const ServerSentEvent& event, double seconds, RequestOutcome& outcome) {
  const StreamMessage message = read_stream_message(event.data);
  if (message.error) throw RequestFailure("error in the stream", *message.error);
  if (message.has_text) outcome.text_seconds.push_back(seconds);
  if (message.usage) outcome.usage = message.usage;
  if (message.is_done) outcome.end_seconds = seconds;
}

}  // namespace

/// One request on its connection. Its deadline covers all of it.
class LoadClient::Transfer {
 public:
  Transfer(const asio::any_io_executor& executor, std::chrono::milliseconds timeout)
      : started_(Clock::now()), stream_(executor), buffer_(kReadBytes, '\0') {
    stream_.expires_at(started_ + timeout);
  }

  asio::awaitable<void> send(const tcp::resolver::results_type& endpoints, std::string request) {
    error_code error;
    co_await stream_.async_connect(endpoints, asio::redirect_error(asio::use_awaitable, error));
    if (error) throw_as("cannot connect", error);
    stream_.socket().set_option(tcp::no_delay(true), error);
    co_await asio::async_write(stream_, asio::buffer(request), asio::redirect_error(asio::use_awaitable, error));
    if (error) throw_as("connection broken", error);
  }

  /// Appends to `body` what comes next. Also nothing may come.
  asio::awaitable<void> receive(std::string& body) {
    error_code error;
    const std::size_t n =
        co_await stream_.async_read_some(asio::buffer(buffer_), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::eof) {
      try {
        response_.end();
      } catch (const Error&) {
        throw RequestFailure("connection broken", "the server closed the connection before the end of its answer");
      }
    } else if (error) {
      throw_as("connection broken", error);
    }
    response_.push(std::string_view(buffer_).substr(0, n), body);
  }

  /// All of the body; what was received of it before is in `body`.
  asio::awaitable<void> receive_rest(std::string& body) {
    while (!response_.is_complete() && body.size() <= kMaxAnswerBytes) co_await receive(body);
  }

  [[nodiscard]] const ResponseReader& response() const { return response_; }
  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }
  void close() { stream_.close(); }

 private:
  [[noreturn]] static void throw_as(const char* kind, const error_code& error) {
    if (error == beast::error::timeout) throw RequestFailure("timeout", "the answer took too long; see --timeout");
    throw RequestFailure(kind, error.message());
  }

  Clock::time_point started_;
  beast::tcp_stream stream_;
  std::string buffer_;
  ResponseReader response_;
};

LoadClient::LoadClient(asio::any_io_executor executor, ServerUrl server, std::string api_key,
                       std::chrono::milliseconds timeout)
    : executor_(std::move(executor)), server_(std::move(server)), api_key_(std::move(api_key)), timeout_(timeout) {
  const bool sendable = std::all_of(api_key_.begin(), api_key_.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!sendable) fail(ErrorCode::kInvalidArgument, "--api-key must be printable ASCII without spaces");
}

asio::awaitable<void> LoadClient::resolve() {
  tcp::resolver resolver(executor_);
  error_code error;
  endpoints_ = co_await resolver.async_resolve(server_.host, std::to_string(server_.port),
                                               asio::redirect_error(asio::use_awaitable, error));
  if (error || endpoints_.empty()) {
    fail(ErrorCode::kInvalidArgument, "there is no host '{}': {}", server_.host, error.message());
  }
}

asio::awaitable<WholeAnswer> LoadClient::ask(std::string path, std::string body) {
  Transfer transfer(executor_, timeout_);
  WholeAnswer answer;
  co_await transfer.send(endpoints_, encode(path, body));
  co_await transfer.receive_rest(answer.body);
  answer.status = transfer.response().status();
  co_return answer;
}

asio::awaitable<RequestOutcome> LoadClient::complete(std::string path, std::string body,
                                                     std::optional<std::int64_t> leave_after) {
  Transfer transfer(executor_, timeout_);
  RequestOutcome outcome;
  try {
    co_await stream(transfer, encode(path, body), leave_after, outcome);
  } catch (const RequestFailure& failure) {
    outcome.failure = failure;
  } catch (const Error& error) {
    outcome.failure = RequestFailure(kNotUnderstood, error.what());
  }
  transfer.close();
  co_return outcome;
}

asio::awaitable<void> LoadClient::stream(Transfer& transfer, std::string request,
                                         std::optional<std::int64_t> leave_after, RequestOutcome& outcome) {
  std::string bytes;
  co_await transfer.send(endpoints_, std::move(request));
  while (!transfer.response().has_head()) co_await transfer.receive(bytes);
  const ResponseReader& response = transfer.response();
  if (response.status() != 200) {
    co_await transfer.receive_rest(bytes);
    throw RequestFailure(fmt::format("status {}", response.status()), read_error(bytes));
  }
  if (!response.content_type().starts_with("text/event-stream")) {
    throw RequestFailure(kNotUnderstood, fmt::format("'{}' is not an event stream", excerpt(response.content_type())));
  }
  SseReader reader(kMaxEventBytes);
  std::vector<ServerSentEvent> events;
  for (;;) {
    const double now = transfer.seconds();
    reader.push(bytes, events);
    bytes.clear();
    for (const ServerSentEvent& event : events) take(event, now, outcome);
    events.clear();
    if (response.is_complete()) break;
    const bool is_done = outcome.end_seconds > 0;
    if (leave_after && !is_done && static_cast<std::int64_t>(outcome.text_seconds.size()) >= *leave_after) {
      outcome.left = true;
      co_return;
    }
    co_await transfer.receive(bytes);
  }
  if (outcome.end_seconds == 0) throw RequestFailure("stream broken", "the stream ended without [DONE]");
}

std::string LoadClient::encode(std::string_view path, std::string_view body) const {
  std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: metal-marlin\r\nConnection: close\r\n",
                                    body.empty() ? "GET" : "POST", path, server_.authority());
  if (!api_key_.empty()) request.append("Authorization: Bearer ").append(api_key_).append("\r\n");
  if (!body.empty()) {
    request += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  }
  return request.append("\r\n").append(body);
}

}  // namespace marlin::load
