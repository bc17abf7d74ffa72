// SPDX-License-Identifier: Apache-2.0
// A client of plain system calls, so that the tests decide every byte and its moment. Everything waits with a deadline
// that only a hang reaches; a failed wait fails the test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace marlin::http {

struct RawResponse {
  int status = 0;      // 0: the connection ended before there was one
  std::string head;    // status line and headers
  std::string body;    // without its framing
  bool whole = false;  // whether the body ended as its framing says

  /// The value of a header, "" if there is none.
  [[nodiscard]] std::string header(std::string_view name) const;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes);
  /// The next response; for HEAD, `has_body` is false.
  RawResponse receive(bool has_body = true);
  /// send(), then receive().
  RawResponse ask(std::string_view bytes);
  /// Reads until what was read and not yet returned by receive() holds `text`; false if the connection ends before.
  bool receive_until(std::string_view text);
  /// Whether the connection ends with nothing more to read.
  bool receive_end();
  void shut_down();
  void close();

 private:
  bool fill();

  int socket_;
  std::string input_;
};

/// A request without body; `headers` are whole lines.
std::string get(std::string_view path, std::string_view headers = "");
std::string post(std::string_view path, std::string_view body, std::string_view headers = "");

}  // namespace marlin::http
