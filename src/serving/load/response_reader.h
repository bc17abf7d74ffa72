// SPDX-License-Identifier: Apache-2.0
// One HTTP/1 response out of bytes that arrive in pieces of any size: Boost.Beast's parser behind limits, without a
// socket. The load client makes one per request. Surprise: the body is not kept, it is handed on as it comes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace marlin::load {

class ResponseReader {
 public:
  ResponseReader();
  ~ResponseReader();
  ResponseReader(const ResponseReader&) = delete;
  ResponseReader& operator=(const ResponseReader&) = delete;

  /// Takes the next bytes and appends those of the body to `body`. Nothing once is_complete(). Errors of this and
  /// end(): kBadFile for what is not HTTP or exceeds a limit.
  void push(std::string_view bytes, std::string& body);
  /// The server has closed the connection. Error also for a response that is not complete without what is missing.
  void end();

  [[nodiscard]] bool has_head() const;
  [[nodiscard]] bool is_complete() const;
  [[nodiscard]] int status() const;                       ///< when has_head()
  [[nodiscard]] const std::string& content_type() const;  ///< when has_head(); may be empty

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
  std::string held_;  // bytes that the parser cannot take before it has more
};

}  // namespace marlin::load
