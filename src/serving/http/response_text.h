// SPDX-License-Identifier: Apache-2.0
// Responses as bytes of HTTP/1.1: heads and chunks. Connections send what these give. Surprise: control characters in a
// header become spaces, because a value may hold what a client sent, and a line break in it would begin a header of its
// own.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "serving/http/message.h"

namespace marlin::http {

/// How the receiver finds the end of a body.
enum class Framing {
  kNone,        ///< there is none: 204 and 304
  kLength,      ///< Content-Length
  kChunked,     ///< Transfer-Encoding: chunked
  kUntilClose,  ///< the connection ends with it: streams to HTTP/1.0
};

struct ResponseHead {
  int status;
  std::string_view content_type;  // empty: none
  const Headers& headers;
  const Headers& common_headers;
  Framing framing;
  std::size_t body_bytes;  // for kLength
  bool keep_alive;
};

/// Status line and headers with the empty line behind them.
std::string encode_head(const ResponseHead& head);

/// Appends one chunk; nothing for no bytes, because an empty chunk would end the body.
void append_chunk(std::string& out, std::string_view bytes);
constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace marlin::http
