// SPDX-License-Identifier: Apache-2.0
// One request and the one response to it. A handler gets it shared: it may answer at once, or keep it and answer or
// stream later from any thread. Every call is thread-safe and returns at once. The surprise: a handler that lets the
// last reference go without an answer has failed, and the client gets a 500 (or a cut stream).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "serving/http/message.h"

namespace marlin::http {

class ResponseQueue;

class Exchange {
 public:
  Exchange(Request request, std::shared_ptr<ResponseQueue> queue);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] const Request& request() const { return request_; }

  /// The whole response. False, and nothing happens, if the client is gone or a response was begun before.
  bool respond(Response response);

  /// Begins a response whose body comes piece by piece; `head.body` is not used. Whenever the stream has been silent
  /// for ServerOptions::ping_interval, `filler` is sent between two pieces; empty: nothing. False if the client is
  /// gone, wants only the head (HEAD), or a response was begun before.
  bool begin_stream(Response head, std::string filler = {});

  /// The next piece of the stream. False if nobody will read it: the client is gone, or so slow that more than
  /// ServerOptions::max_pending_bytes would wait for it, which cuts it off. It stays false then; stop producing.
  bool write(std::string_view bytes);

  /// The end of the stream. False as for write().
  bool end();

  /// Calls `callback` once if the client goes away, or is cut off, before respond() or end(); also while nothing is
  /// being sent. It runs on an io thread, or in this call if the client is gone already; it must not block or throw.
  /// One callback: a second replaces the first. What it holds is released when the exchange is over.
  void on_closed(std::function<void()> callback);

  /// Whether what is written now would be lost.
  [[nodiscard]] bool is_closed() const;

  /// Bytes written that the system has not taken yet.
  [[nodiscard]] std::size_t pending_bytes() const;

 private:
  Request request_;
  std::shared_ptr<ResponseQueue> queue_;
};

}  // namespace marlin::http
