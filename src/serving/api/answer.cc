// SPDX-License-Identifier: Apache-2.0
#include "serving/api/answer.h"

#include <utility>

namespace marlin::api {

void AnswerProtocol::fail(const ApiError& error) { say("", openai_error(error)); }

void AnswerProtocol::flush(http::EventStream& stream) {
  for (const auto& [name, data] : said_) stream.event(name, data);
  said_.clear();
}

void AnswerProtocol::say(std::string_view name, const boost::json::object& data) {
  if (streams_) said_.emplace_back(name, boost::json::serialize(data));
}

void AnswerProtocol::say_done() {
  if (streams_) said_.emplace_back("", "[DONE]");
}

Answer::Answer(ServedModel& model, std::shared_ptr<http::Exchange> exchange, std::unique_ptr<AnswerProtocol> protocol)
    : model_(model), exchange_(std::move(exchange)), stream_(exchange_), protocol_(std::move(protocol)) {}

void Answer::start(const BatchRequest& request, std::size_t n) {
  {
    const std::lock_guard lock(mutex_);  // news has to wait for the beginning of the stream
    usage_.prompt_tokens = static_cast<std::int64_t>(request.prompt.size());
    n_live_ = n;
    try {
      for (std::size_t choice = 0; choice < n; ++choice) {
        BatchRequest copy = request;
        if (copy.options.sampling.seed) *copy.options.sampling.seed += choice;
        requests_.push_back(model_.engine().submit(
            std::move(copy),
            [self = shared_from_this(), choice](const BatchUpdate& news) { self->update(choice, news); }));
      }
    } catch (const Error&) {
      over_ = true;
      for (const RequestId id : requests_) model_.engine().cancel(id);
      throw;
    }
    if (protocol_->streams() && stream_.begin()) {
      protocol_->begin();
      protocol_->flush(stream_);
    }
  }
  exchange_->on_closed([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->cancel();
  });
}

void Answer::update(std::size_t choice, const BatchUpdate& news) {
  const std::lock_guard lock(mutex_);
  if (over_) return;
  if (news.error != nullptr) return fail_with(*news.error);
  usage_.completion_tokens += static_cast<std::int64_t>(news.tokens.size());
  usage_.cached_tokens = std::max(usage_.cached_tokens, news.cached_tokens);
  protocol_->add(choice, news);
  if (protocol_->streams()) protocol_->flush(stream_);
  if (news.finished && --n_live_ == 0) finish();
}

void Answer::finish() {
  over_ = true;
  if (protocol_->streams()) {
    protocol_->end(usage_);
    protocol_->flush(stream_);
    stream_.end();
  } else {
    exchange_->respond({.status = 200,
                        .content_type = "application/json",
                        .body = boost::json::serialize(protocol_->body(usage_)),
                        .headers = {}});
  }
}

void Answer::fail_with(const Error& error) {
  over_ = true;
  for (const RequestId id : requests_) model_.engine().cancel(id);
  if (protocol_->streams()) {
    protocol_->fail(api_error_of(error));
    protocol_->flush(stream_);
    stream_.end();
  } else {
    exchange_->respond(error_response(api_error_of(error), exchange_->request().path));
  }
}

void Answer::cancel() {
  const std::lock_guard lock(mutex_);
  over_ = true;
  for (const RequestId id : requests_) model_.engine().cancel(id);
}

}  // namespace marlin::api
