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
  /// `streams`: whether the answer is a stream, and so anyone hears what is said.
  explicit AnswerProtocol(bool streams) : streams_(streams) {}
  virtual ~AnswerProtocol() = default;
  [[nodiscard]] bool streams() const { return streams_; }

  // Each says to a stream what there is to say.
  virtual void begin() {}
  /// News of `choice`: tokens, text that became certain, its end; never an error.
  virtual void add(std::size_t choice, const BatchUpdate& news) = 0;
  /// All choices are finished.
  virtual void end(const Usage& /*usage*/) {}
  /// The answer cannot go on.
  virtual void fail(const ApiError& error);

  /// The body of an answer that is no stream, when all choices are finished.
  virtual boost::json::object body(const Usage& usage) = 0;

  /// Sends what was said since the last time.
  void flush(http::EventStream& stream);

 protected:
  /// The next event of the stream; `name` may be empty.
  void say(std::string_view name, const boost::json::object& data);
  void say_done();  ///< as OpenAI's streams end

 private:
  bool streams_;
  std::vector<std::pair<std::string, std::string>> said_;  // names and data of events
};

class Answer : public std::enable_shared_from_this<Answer> {
 public:
  Answer(ServedModel& model, std::shared_ptr<http::Exchange> exchange, std::unique_ptr<AnswerProtocol> protocol);

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
  std::mutex mutex_;
  std::vector<RequestId> requests_;
  std::size_t n_live_ = 0;
  bool over_ = false;
  Usage usage_;
};

}  // namespace marlin::api
