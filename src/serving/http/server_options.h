// SPDX-License-Identifier: Apache-2.0
// What the owner of an HttpServer decides: where it listens, what it bears, who may come in, and the hooks by which the
// layer above shapes errors and keeps logs. Hooks run on io threads, several at once if there are several.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "serving/http/message.h"

namespace marlin::http {

/// An error response before it has a shape.
struct ErrorInfo {
  int status;
  std::string_view code;     ///< a word for programs: "not_found", "invalid_api_key", ...
  std::string_view message;  ///< a sentence for people
  std::string_view path;     ///< empty if the request could not be read
};

/// A request that is over.
struct AccessRecord {
  std::string_view id;
  std::string_view client;
  std::string_view method;  ///< empty if the request could not be read
  std::string_view path;    ///< without the query
  int status;               ///< 0: the client left before there was one
  bool complete;            ///< whether the whole response reached the system
  std::uint64_t bytes_sent;
  std::chrono::microseconds duration;  ///< from the first byte of the request on
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  ///< 0: any that is free; HttpServer::port() tells
  int io_threads = 1;

  std::size_t max_connections = 512;                      ///< more are told 503
  std::size_t max_header_bytes = std::size_t{32} << 10U;  ///< request line and headers; more is a 431
  std::size_t max_body_bytes = std::size_t{16} << 20U;    ///< more is a 413
  std::size_t max_pending_bytes = std::size_t{1} << 20U;  ///< of a stream, written but not yet taken by the system
  std::chrono::milliseconds header_timeout{10'000};       ///< for a whole request head
  std::chrono::milliseconds body_timeout{30'000};         ///< for every 64 KiB of a request body
  std::chrono::milliseconds idle_timeout{75'000};         ///< between requests of a connection
  std::chrono::milliseconds write_timeout{30'000};        ///< for every 64 KiB of a response to be taken
  std::chrono::milliseconds ping_interval{15'000};        ///< of silence, after which a stream sends its filler

  std::vector<std::string> api_keys;         ///< none: everyone may come in
  std::vector<std::string> allowed_origins;  ///< of web pages besides its own (CORS); "*" is any

  std::function<Response(const ErrorInfo&)> format_error;  ///< default: the message as plain text
  std::function<void(const AccessRecord&)> on_access;
  std::function<void(std::string_view)> on_error;  ///< what went wrong in a handler or in the server
};

}  // namespace marlin::http
