// SPDX-License-Identifier: Apache-2.0
#include "tests/serving/http/raw_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "serving/http/message.h"

namespace marlin::http {
namespace {

constexpr int kPatienceMs = 60'000;
#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0;  // a Mac has an option of the socket instead
#endif

}  // namespace

std::string RawResponse::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos && equal_ignoring_case(line.substr(0, colon), name)) {
      return std::string(line.substr(colon + 2));
    }
  }
  return "";
}

RawClient::RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
#ifdef SO_NOSIGPIPE
  const int on = 1;
  ::setsockopt(socket_, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
#endif
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
}

RawClient::~RawClient() { close(); }

RawClient::RawClient(RawClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), input_(std::move(other.input_)) {}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), kSendFlags);
    if (n < 0) return;  // the server refused already; receive() shows how
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool RawClient::fill() {
  pollfd waiting{socket_, POLLIN, 0};
  if (::poll(&waiting, 1, kPatienceMs) != 1) {
    ADD_FAILURE() << "nothing came from the server";
    return false;
  }
  char buffer[65536];
  const ssize_t n = ::recv(socket_, buffer, sizeof(buffer), 0);
  if (n <= 0) return false;
  input_.append(buffer, static_cast<std::size_t>(n));
  return true;
}

bool RawClient::receive_until(std::string_view text) {
  while (input_.find(text) == std::string::npos) {
    if (!fill()) return false;
  }
  return true;
}

RawResponse RawClient::receive(bool has_body) {
  RawResponse response;
  if (!receive_until("\r\n\r\n")) return response;
  const std::size_t head_bytes = input_.find("\r\n\r\n") + 4;
  response.head = input_.substr(0, head_bytes);
  input_.erase(0, head_bytes);
  response.status = std::stoi(response.head.substr(9, 3));
  const auto take = [&](std::size_t bytes) {
    while (input_.size() < bytes) {
      if (!fill()) return false;
    }
    response.body += input_.substr(0, bytes);
    input_.erase(0, bytes);
    return true;
  };
  if (!has_body || response.status < 200 || response.status == 204 || response.status == 304) {
    response.whole = true;
  } else if (const std::string length = response.header("Content-Length"); !length.empty()) {
    response.whole = take(std::stoul(length));
  } else if (response.header("Transfer-Encoding") == "chunked") {
    std::size_t chunk = 1;
    while (chunk != 0 && receive_until("\r\n")) {
      chunk = std::stoul(input_, nullptr, 16);
      input_.erase(0, input_.find("\r\n") + 2);
      if (!take(chunk + 2)) return response;
      response.body.resize(response.body.size() - 2);
    }
    response.whole = chunk == 0;
  } else {
    while (fill()) {
    }
    response.body = std::exchange(input_, {});
    response.whole = true;
  }
  return response;
}

RawResponse RawClient::ask(std::string_view bytes) {
  send(bytes);
  return receive();
}

bool RawClient::receive_end() { return input_.empty() && !fill(); }

void RawClient::shut_down() { ::shutdown(socket_, SHUT_WR); }

void RawClient::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

std::string get(std::string_view path, std::string_view headers) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: test\r\n{}\r\n", path, headers);
}

std::string post(std::string_view path, std::string_view body, std::string_view headers) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n{}\r\n{}", path, body.size(), headers,
                     body);
}

}  // namespace marlin::http
