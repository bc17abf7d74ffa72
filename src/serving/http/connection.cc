// SPDX-License-Identifier: Apache-2.0
#include "serving/http/connection.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "serving/http/exchange.h"

namespace marlin::http {

namespace asio = boost::asio;
using State = RequestParser::State;

/// What sending a response needs to know of its request, which belongs to the handler by then.
struct Connection::Reply {
  std::string id;
  std::string method;
  std::string path;
  Headers common_headers;
  bool is_http_1_0 = false;
  bool keep_alive = false;
  Clock::time_point started;
  int status = 0;  // 0 until the head is made
  Framing framing = Framing::kNone;
  std::string filler;

  [[nodiscard]] bool is_head() const { return method == "HEAD"; }
  void append_body(std::string& out, std::string_view bytes) const {
    if (framing == Framing::kChunked) {
      append_chunk(out, bytes);
    } else {
      out += bytes;
    }
  }
};

Connection::Connection(asio::ip::tcp::socket socket, const ConnectionContext& context)
    : context_(context),
      socket_(std::make_shared<ClientSocket>(std::move(socket), context.options.max_header_bytes,
                                             context.options.write_timeout)) {}

void Connection::start(bool is_welcome) {
  asio::co_spawn(
      socket_->executor(), [self = shared_from_this(), is_welcome] { return self->serve(is_welcome); }, asio::detached);
}

void Connection::drain() {
  asio::post(socket_->executor(), [self = shared_from_this()] {
    self->draining_ = true;
    self->socket_->notify();
  });
}

void Connection::stop() {
  asio::post(socket_->executor(), [self = shared_from_this()] {
    self->draining_ = true;
    self->socket_->abort();
    self->client_gone();
  });
}

asio::awaitable<void> Connection::serve(bool is_welcome) {
  const auto self = shared_from_this();
  try {
    socket_->start_reading([this, self] { client_gone(); });
    bool again = is_welcome;
    while (again) again = co_await serve_request();
    if (!is_welcome) {
      Reply reply;
      reply.started = Clock::now();
      Response response = context_.gate.error(503, "overloaded", "The server has all the connections it can bear.", "");
      response.headers.push_back({"Retry-After", "1"});
      co_await refuse(reply, std::move(response));
    }
  } catch (const std::exception& failure) {  // out of memory, or a bug: this client only
    report(fmt::format("connection of {}: {}", socket_->client(), failure.what()));
  }
  client_gone();  // of a response that an exception broke off
  if (queue_) queue_->close();
  socket_->close();
  context_.on_finished(self);
}

/// Serves the next request. False: the connection is to be closed.
asio::awaitable<bool> Connection::serve_request() {
  const bool has_input = co_await wait_for_request();
  if (!has_input) co_return false;
  const Clock::time_point started = Clock::now();
  RequestParser parser({context_.options.max_header_bytes, context_.options.max_body_bytes});
  const Reading head = co_await read(parser, State::kHead, context_.options.header_timeout, SIZE_MAX);
  Request& request = parser.request();
  request.client = socket_->client();
  context_.gate.identify(request);
  if (head != Reading::kDone || parser.state() == State::kFailed) {
    Reply reply = reply_to(parser, started);
    co_return co_await refuse_half_read(parser, reply, head);
  }
  Admission admission = context_.gate.admit(request);
  Reply reply = reply_to(parser, started);
  if (admission.refusal) {
    reply.keep_alive = reply.keep_alive && parser.state() == State::kComplete;
    co_return co_await refuse(reply, std::move(*admission.refusal));
  }
  const bool has_body = co_await read_body(parser, reply);
  if (!has_body) co_return false;
  open_queue(reply);
  call(*admission.route, std::move(request));
  if (socket_->is_gone()) client_gone();
  co_return co_await deliver(reply);
}

asio::awaitable<bool> Connection::wait_for_request() {
  const Clock::time_point deadline = Clock::now() + context_.options.idle_timeout;
  bool in_time = true;
  while (in_time && socket_->input().empty() && !socket_->is_gone() && !draining_) {
    in_time = co_await socket_->changed(deadline);
  }
  co_return !socket_->input().empty() && !draining_;
}

/// Feeds the parser until it has left `part`. The timeout begins anew with every `bytes_per_timeout` bytes.
asio::awaitable<Connection::Reading> Connection::read(RequestParser& parser, State part,
                                                      std::chrono::milliseconds timeout,
                                                      std::size_t bytes_per_timeout) {
  Clock::time_point deadline = Clock::now() + timeout;
  std::size_t n_since = 0;
  for (;;) {
    const std::size_t n = parser.feed(socket_->input());
    socket_->consume(n);
    if (parser.state() != part) co_return Reading::kDone;
    if (socket_->is_gone()) co_return Reading::kGone;
    n_since += n;
    if (n_since >= bytes_per_timeout) {
      n_since = 0;
      deadline = Clock::now() + timeout;
    }
    const bool in_time = co_await socket_->changed(deadline);
    if (!in_time) co_return Reading::kTimeout;
  }
}

/// False: the body did not come or was refused, and the connection is to be closed.
asio::awaitable<bool> Connection::read_body(RequestParser& parser, Reply& reply) {
  if (parser.state() == State::kComplete) co_return true;
  if (parser.expects_continue() && socket_->input().empty()) {
    const bool sent = co_await socket_->send("HTTP/1.1 100 Continue\r\n\r\n");
    if (!sent) co_return false;
  }
  const Reading body =
      co_await read(parser, State::kBody, context_.options.body_timeout, ClientSocket::kBytesPerTimeout);
  if (body == Reading::kDone && parser.state() == State::kComplete) co_return true;
  co_return co_await refuse_half_read(parser, reply, body);
}

/// The answer to a request that is malformed, too large or too slow; the connection cannot go on after it.
asio::awaitable<bool> Connection::refuse_half_read(RequestParser& parser, Reply& reply, Reading reading) {
  if (reading == Reading::kGone) co_return false;
  reply.keep_alive = false;
  Response response;
  if (reading == Reading::kTimeout) {
    response = context_.gate.error(408, "request_timeout", "The request took too long to arrive.", reply.path);
  } else {
    const ParseFailure& failure = parser.failure();
    response = context_.gate.error(failure.status, failure.code, failure.message, reply.path);
  }
  co_return co_await refuse(reply, std::move(response));
}

asio::awaitable<bool> Connection::refuse(Reply& reply, Response response) {
  open_queue(reply);
  queue_->respond(std::move(response));
  co_return co_await deliver(reply);
}

Connection::Reply Connection::reply_to(RequestParser& parser, Clock::time_point started) const {
  const Request& request = parser.request();
  Reply reply;
  reply.id = request.id;
  reply.method = request.method;
  reply.path = request.path;
  reply.common_headers = context_.gate.common_headers(request);
  reply.is_http_1_0 = parser.is_http_1_0();
  reply.keep_alive = parser.keep_alive();
  reply.started = started;
  return reply;
}

void Connection::open_queue(const Reply& reply) {
  is_streaming_ = false;
  queue_ = std::make_shared<ResponseQueue>(ResponseQueueOptions{
      context_.options.max_pending_bytes, reply.is_head(),
      [self = shared_from_this()] { asio::post(self->socket_->executor(), [self] { self->wake(); }); }});
}

void Connection::call(const Route& route, Request request) {
  const std::string what = fmt::format("{} {} ({})", request.method, request.path, request.id);
  try {
    route.handler(std::make_shared<Exchange>(std::move(request), queue_));
  } catch (const std::exception& failure) {
    queue_->abandon();
    report(fmt::format("{}: {}", what, failure.what()));
  } catch (...) {
    queue_->abandon();
    report(fmt::format("{}: not a std::exception", what));
  }
}

/// Sends the response that comes through queue_. False: the connection is to be closed.
asio::awaitable<bool> Connection::deliver(Reply& reply) {
  const std::uint64_t n_before = socket_->bytes_sent();
  const bool complete = co_await send_batches(reply);
  if (!complete) socket_->abort();
  queue_->close();
  queue_ = nullptr;
  record(reply, complete, socket_->bytes_sent() - n_before);
  if (complete && !reply.keep_alive) co_await socket_->close_gently();
  co_return complete&& reply.keep_alive;
}

asio::awaitable<bool> Connection::send_batches(Reply& reply) {
  Clock::time_point last_sent = Clock::now();
  for (;;) {
    ResponseQueue::Batch batch = queue_->take();
    if (batch.broken) {
      if (is_streaming_) co_return false;
      Response response =
          context_.gate.error(500, "internal_error", "The server failed to answer this request.", reply.path);
      const std::size_t body_bytes = response.body.size();
      std::string body = reply.is_head() ? std::string() : std::exchange(response.body, {});
      batch = {ResponseQueue::Head{std::move(response), false, {}, body_bytes}, std::move(body), true, false};
    }
    const bool finished = batch.finished;
    const std::size_t n_taken = batch.bytes.size();
    const std::string out = encode_batch(reply, std::move(batch));
    if (!out.empty()) {
      const bool sent = co_await socket_->send(out);
      if (!sent) co_return false;
      last_sent = Clock::now();
    }
    if (finished) co_return true;
    queue_->written(n_taken);
    const bool is_silent_long = !co_await socket_->changed(
        reply.filler.empty() ? Clock::time_point::max() : last_sent + context_.options.ping_interval);
    if (is_silent_long) {
      std::string filler;
      reply.append_body(filler, reply.filler);
      const bool sent = co_await socket_->send(filler);
      if (!sent) co_return false;
      last_sent = Clock::now();
    }
    if (socket_->is_gone() && queue_->is_closed()) co_return false;
  }
}

std::string Connection::encode_batch(Reply& reply, ResponseQueue::Batch batch) {
  std::string out;
  if (batch.head) {
    const ResponseQueue::Head& head = *batch.head;
    reply.status = head.response.status;
    reply.filler = head.filler;
    if (reply.status == 204 || reply.status == 304) {
      reply.framing = Framing::kNone;
    } else if (!head.is_stream) {
      reply.framing = Framing::kLength;
    } else {
      reply.framing = reply.is_http_1_0 ? Framing::kUntilClose : Framing::kChunked;
    }
    reply.keep_alive = reply.keep_alive && !draining_ && reply.framing != Framing::kUntilClose;
    out = encode_head({reply.status, head.response.content_type, head.response.headers, reply.common_headers,
                       reply.framing, head.body_bytes, reply.keep_alive});
    is_streaming_ = head.is_stream;
  }
  if (reply.framing != Framing::kNone) reply.append_body(out, batch.bytes);
  if (batch.finished && reply.framing == Framing::kChunked && !reply.is_head()) out += kLastChunk;
  return out;
}

/// There is something in queue_. A stream that is broken off ends at once, even in the middle of a write.
void Connection::wake() {
  if (queue_ && is_streaming_ && queue_->is_closed()) socket_->abort();
  socket_->notify();
}

void Connection::client_gone() {
  try {
    if (queue_ && queue_->client_left()) socket_->abort();
  } catch (const std::exception& failure) {
    report(fmt::format("on_closed of {}: {}", socket_->client(), failure.what()));
    socket_->abort();
  }
}

void Connection::report(std::string_view what) const {
  if (!context_.options.on_error) return;
  try {
    context_.options.on_error(what);
  } catch (const std::exception&) {  // nobody is left to tell
  }
}

void Connection::record(const Reply& reply, bool complete, std::uint64_t bytes_sent) const {
  if (!context_.options.on_access) return;
  context_.options.on_access({reply.id, socket_->client(), reply.method, reply.path, reply.status, complete, bytes_sent,
                              std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - reply.started)});
}

}  // namespace marlin::http
