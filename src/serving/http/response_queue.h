// SPDX-License-Identifier: Apache-2.0
// What stands between a handler's threads and the connection that sends its response: the handler puts in, the
// connection takes out, neither waits for the other. It holds at most so many bytes of a stream: a write that would
// exceed them closes it, because a client that slow would otherwise fill the memory. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "serving/http/message.h"

namespace marlin::http {

struct ResponseQueueOptions {
  std::size_t max_pending_bytes;
  bool head_only = false;      ///< the answer to HEAD: a stream ends with its head
  std::function<void()> wake;  ///< tells the connection that there is something to take; must not call back
};

class ResponseQueue {
 public:
  explicit ResponseQueue(ResponseQueueOptions options);

  // The handler's side; see Exchange for the contracts.
  bool respond(Response response);
  bool begin_stream(Response head, std::string filler);
  bool write(std::string_view bytes);
  bool end();
  void on_closed(std::function<void()> callback);
  /// The handler will not go on: a 500 if nothing was sent, else the connection is cut. Nothing if it had finished.
  void abandon();
  [[nodiscard]] bool is_closed() const;
  [[nodiscard]] std::size_t pending_bytes() const;

  // The connection's side.
  struct Head {
    Response response;  ///< without its body, which comes as bytes
    bool is_stream;
    std::string filler;  ///< to be sent when the stream is silent; empty: nothing
    std::size_t body_bytes;
  };
  struct Batch {
    std::optional<Head> head;  ///< once, first
    std::string bytes;
    bool finished = false;  ///< nothing comes after this
    bool broken = false;    ///< the handler gave up, or its stream outgrew the limit; comes alone
  };
  /// All there is now. Its bytes count as pending until written() says that they are sent.
  Batch take();
  void written(std::size_t bytes);
  /// The client is gone. If the handler has not finished: closes, calls the on_closed callback, and returns true. What
  /// is finished can still be taken, for clients that close only their side.
  bool client_left();
  /// The exchange is over: as client_left(), and in any case nothing can be put in any more and `wake` never runs
  /// again.
  void close();

 private:
  enum class State { kWaiting, kStreaming, kFinished, kBroken };

  [[nodiscard]] bool holds(std::size_t more) const;
  void break_off();
  void wake();
  std::function<void()> close_locked();  // returns the callback, to be called or freed without the lock

  ResponseQueueOptions options_;
  mutable std::mutex mutex_;
  State state_ = State::kWaiting;
  bool closed_ = false;
  bool awake_ = false;  // the connection knows and will take
  std::optional<Head> head_;
  std::string bytes_;
  std::size_t in_flight_bytes_ = 0;
  std::function<void()> on_closed_;
};

}  // namespace marlin::http
