// SPDX-License-Identifier: Apache-2.0
#include "serving/http/client_socket.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>
#include <vector>

namespace marlin::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kReadBytes = std::size_t{16} << 10U;
constexpr std::chrono::seconds kLinger{2};

std::string name_of(const tcp::socket& socket) {
  error_code error;
  const tcp::endpoint endpoint = socket.remote_endpoint(error);
  if (error) return "unknown";  // it has left again
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

}  // namespace

ClientSocket::ClientSocket(tcp::socket socket, std::size_t max_input_bytes, std::chrono::milliseconds write_timeout)
    : socket_(std::move(socket)),
      change_(socket_.get_executor()),
      room_(socket_.get_executor()),
      write_deadline_(socket_.get_executor()),
      max_input_bytes_(max_input_bytes),
      write_timeout_(write_timeout),
      client_(name_of(socket_)) {
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);  // a token is a packet
}

void ClientSocket::start_reading(std::function<void()> on_gone) {
  on_gone_ = std::move(on_gone);
  asio::co_spawn(
      executor(), [self = shared_from_this()] { return self->read(); }, asio::detached);
}

asio::awaitable<void> ClientSocket::read() {
  const auto self = shared_from_this();
  std::vector<char> buffer(kReadBytes);
  error_code error;
  for (;;) {
    while (input_.size() >= max_input_bytes_ && socket_.is_open()) {
      room_.expires_at(Clock::time_point::max());
      co_await room_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
    const std::size_t wanted = std::min(buffer.size(), max_input_bytes_ - std::min(max_input_bytes_, input_.size()));
    const std::size_t n = co_await socket_.async_read_some(asio::buffer(buffer.data(), wanted),
                                                           asio::redirect_error(asio::use_awaitable, error));
    input_.append(buffer.data(), n);
    if (error) break;
    notify();
  }
  gone_ = true;
  std::exchange(on_gone_, nullptr)();
  notify();
}

void ClientSocket::consume(std::size_t bytes) {
  if (bytes == 0) return;
  input_.erase(0, bytes);
  room_.cancel();
}

asio::awaitable<bool> ClientSocket::changed(Clock::time_point deadline) {
  if (!changed_) {
    error_code ignored;
    change_.expires_at(deadline);
    co_await change_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return std::exchange(changed_, false);
}

void ClientSocket::notify() {
  changed_ = true;
  change_.cancel();
}

asio::awaitable<bool> ClientSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    write_deadline_.expires_after(write_timeout_);
    write_deadline_.async_wait([self = shared_from_this()](const error_code& cancelled) {
      // A wait that ended just before it was cancelled says nothing about the write that came after.
      if (!cancelled && self->is_writing_ && self->write_deadline_.expiry() <= Clock::now()) self->abort();
    });
    is_writing_ = true;
    error_code error;
    const std::string_view piece = bytes.substr(0, kBytesPerTimeout);
    const std::size_t n = co_await asio::async_write(socket_, asio::buffer(piece.data(), piece.size()),
                                                     asio::redirect_error(asio::use_awaitable, error));
    is_writing_ = false;
    bytes_sent_ += n;
    if (error) {
      abort();
      co_return false;
    }
    bytes.remove_prefix(n);
  }
  write_deadline_.cancel();
  co_return true;
}

asio::awaitable<void> ClientSocket::close_gently() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  const Clock::time_point deadline = Clock::now() + kLinger;
  bool in_time = true;
  while (!gone_ && in_time && Clock::now() < deadline) {
    consume(input_.size());
    in_time = co_await changed(deadline);
  }
  close();
}

void ClientSocket::close() {
  error_code ignored;
  socket_.close(ignored);
  write_deadline_.cancel();
  room_.cancel();
}

void ClientSocket::abort() {
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  close();
}

}  // namespace marlin::http
