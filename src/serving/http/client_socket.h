// SPDX-License-Identifier: Apache-2.0
// One client's socket as a connection uses it: input that is read ahead, output with a deadline, and one place to wait
// for whatever comes next. A read is always pending, which is how a client that leaves is noticed at once. Everything
// runs on the socket's strand; internal to the http library because it shows Asio.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace marlin::http {

class ClientSocket : public std::enable_shared_from_this<ClientSocket> {
 public:
  using Clock = std::chrono::steady_clock;
  /// A rate that every client can keep: so many bytes within the timeout, or it is cut off.
  static constexpr std::size_t kBytesPerTimeout = std::size_t{64} << 10U;

  ClientSocket(boost::asio::ip::tcp::socket socket, std::size_t max_input_bytes,
               std::chrono::milliseconds write_timeout);

  /// Reads until the client leaves; pauses while max_input_bytes wait to be consumed. `on_gone` is called once, when
  /// no more input will come: the client has closed its side, or the socket is closed.
  void start_reading(std::function<void()> on_gone);
  [[nodiscard]] std::string_view input() const { return input_; }
  void consume(std::size_t bytes);
  [[nodiscard]] bool is_gone() const { return gone_; }

  /// Waits until there is input, the client is gone, or notify() is called; at once if that was so since the last call.
  /// False: the deadline came first.
  boost::asio::awaitable<bool> changed(Clock::time_point deadline);
  void notify();

  /// Sends all of `bytes`, which must stay valid. False: the client is gone or too slow, and the socket is closed.
  boost::asio::awaitable<bool> send(std::string_view bytes);
  [[nodiscard]] std::uint64_t bytes_sent() const { return bytes_sent_; }

  /// Closes after the last response, so that it arrives: input that is still under way would otherwise make the system
  /// tear the connection down before the client has read.
  boost::asio::awaitable<void> close_gently();
  void close();
  /// Closes so that the client sees an error, and unsent bytes are dropped.
  void abort();

  [[nodiscard]] const std::string& client() const { return client_; }  ///< address:port
  [[nodiscard]] boost::asio::any_io_executor executor() { return socket_.get_executor(); }

 private:
  boost::asio::awaitable<void> read();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer change_;          // expires at a deadline, cancelled by notify()
  boost::asio::steady_timer room_;            // never expires, cancelled by consume()
  boost::asio::steady_timer write_deadline_;  // of the write that is under way
  std::size_t max_input_bytes_;
  std::chrono::milliseconds write_timeout_;
  std::string client_;
  std::string input_;
  std::function<void()> on_gone_;
  bool changed_ = false;
  bool gone_ = false;
  bool is_writing_ = false;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace marlin::http
