// SPDX-License-Identifier: Apache-2.0
// One request's generations on their way to its client: submits them, turns what they generate into the messages of a
// protocol, streamed or whole, and cancels them when the client leaves. Each API has its protocol, which says what they
// look like.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "serving/api/api_error.h"
#include "serving/api/served_model.h"
#include "serving/http/event_stream.h"
#include "serving/http/exchange.h"

namespace marlin::api {

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;  ///< of all choices
  std::int64_t cached_tokens = 0;
};

/// Writes the answer of one request; called in order, never by two threads at a time.
class AnswerProtocol {
 public:
  virtual ~AnswerProtocol() = default;

  /// The first messages of a stream.
  virtual void begin_stream(http::EventStream& stream) = 0;

  /// News of `choice`: tokens, text that became certain, its end; never an error.
  virtual void add(std::size_t choice, const BatchUpdate& news) = 0;

  /// All choices are finished: the end of the stream, or the body of the response.
  virtual void end_stream(http::EventStream& stream, const Usage& usage) = 0;
  virtual boost::json::object body(const Usage& usage) = 0;

  /// What add() had to say since, to a stream.
  virtual void flush(http::EventStream& stream) = 0;

  /// The end of a stream that cannot go on.
  virtual void fail_stream(http::EventStream& stream, const ApiError& error);
};

class Answer : public std::enable_shared_from_this<Answer> {
 public:
  Answer(ServedModel& model, std::shared_ptr<http::Exchange> exchange, std::unique_ptr<AnswerProtocol> protocol,
         bool streams);

  /// Submits n generations of `request`. Errors: as BatchEngine::submit; then nothing has been sent.
  void start(const BatchRequest& request, std::size_t n);

 private:
  void update(std::size_t choice, const BatchUpdate& update);
  void fail_with(const Error& error);
  void finish();
  void cancel();

  ServedModel& model_;
  std::shared_ptr<http::Exchange> exchange_;
  http::EventStream stream_;
  std::unique_ptr<AnswerProtocol> protocol_;
  bool streams_;
  std::mutex mutex_;
  std::vector<RequestId> requests_;
  std::size_t n_live_ = 0;
  bool over_ = false;
  Usage usage_;
};

}  // namespace marlin::api
