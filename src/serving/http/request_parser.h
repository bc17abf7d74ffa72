// SPDX-License-Identifier: Apache-2.0
// One HTTP/1 request out of bytes that arrive in pieces of any size: Boost.Beast's parser behind our limits, without a
// socket. A connection makes one per request. Surprise: feed() stops after the head, so that its caller can refuse the
// request before the body is taken, and then goes on when called again.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "serving/http/message.h"

namespace marlin::http {

struct ParserLimits {
  std::size_t header_bytes;  // request line and headers together; also what a line between chunks may have
  std::size_t body_bytes;
};

/// Why a request is refused; the connection cannot be used after it.
struct ParseFailure {
  int status;  // an HTTP status
  std::string_view code;
  std::string message;
};

class RequestParser {
 public:
  enum class State { kHead, kBody, kComplete, kFailed };

  explicit RequestParser(ParserLimits limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Takes what it can of `bytes` and returns how many; the caller offers the rest again, with more behind it. It asks
  /// for more only while fewer than limits.header_bytes are left over. Nothing is taken once complete or failed.
  std::size_t feed(std::string_view bytes);

  [[nodiscard]] State state() const;
  [[nodiscard]] const ParseFailure& failure() const;  ///< when kFailed

  /// Valid once the head is there (kBody, kComplete), the body when kComplete. The caller may move from it when
  /// kComplete.
  [[nodiscard]] Request& request();
  [[nodiscard]] bool is_http_1_0() const;
  [[nodiscard]] bool keep_alive() const;        ///< whether the client will send another request
  [[nodiscard]] bool expects_continue() const;  ///< whether it waits for "100 Continue" before the body

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace marlin::http
