// SPDX-License-Identifier: Apache-2.0
#include "serving/api/perplexity.h"

#include <boost/json.hpp>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "io/json.h"
#include "serving/api/answer.h"
#include "serving/api/answer_log_probabilities.h"
#include "serving/api/plain_prompt.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

class PerplexityProtocol final : public AnswerProtocol {
 public:
  explicit PerplexityProtocol(std::string model) : AnswerProtocol(/*streams=*/false), model_(std::move(model)) {}

  void show_tokens(const Tokenizer& tokenizer, std::int32_t first) { shown_.emplace(tokenizer).add_first(first); }

  void add(std::size_t /*choice*/, const BatchUpdate& news) override {
    if (shown_) shown_->add(news.prompt_log_probabilities);
    for (const LogProbabilities& place : news.prompt_log_probabilities) {
      sum_ += shown_log_probability(place.chosen.log_probability);
      ++n_tokens_;
    }
  }

  json::object body(const Usage& /*usage*/) override {
    const double perplexity = std::exp(-sum_ / static_cast<double>(n_tokens_));
    json::object result{{"object", "perplexity"},
                        {"model", model_},
                        {"perplexity", std::isfinite(perplexity) ? json::value(perplexity) : json::value(nullptr)},
                        {"n_tokens", n_tokens_},
                        {"log_probability", sum_}};
    if (shown_) {
      json::object lists = completion_log_probabilities(shown_->all());
      result["tokens"] = std::move(lists["tokens"]);
      result["token_logprobs"] = std::move(lists["token_logprobs"]);
    }
    return result;
  }

 private:
  std::string model_;
  std::optional<AnswerLogProbabilities> shown_;
  double sum_ = 0.0;
  std::int64_t n_tokens_ = 0;
};

}  // namespace

void perplexity(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  const json::value parsed = parse_json(exchange->request().body, "the request");
  const JsonReader fields = JsonReader::of_document(parsed, "the request");
  model.check_name(fields.optional_string("model"));
  const bool shows_tokens = fields.optional_boolean("logprobs").value_or(false);
  const BatchRequest request{.prompt = read_plain_prompt(model, fields, {"prompt", "text", "content"}).tokens,
                             .options = {},
                             .n_top_prompt_log_probabilities = 0,
                             .only_prompt = true};
  if (request.prompt.size() < 2) {
    fail(ErrorCode::kInvalidArgument, "the text has {} tokens; the first is only read, so it takes at least 2",
         request.prompt.size());
  }
  auto protocol = std::make_unique<PerplexityProtocol>(model.name());
  if (shows_tokens) protocol->show_tokens(model.loaded().require_tokenizer(), request.prompt.front());
  std::make_shared<Answer>(model, exchange, std::move(protocol))->start(request, 1);
}

}  // namespace marlin::api
