// SPDX-License-Identifier: Apache-2.0
#include "serving/api/completions.h"

#include <boost/json.hpp>
#include <utility>

#include "base/error.h"
#include "io/json.h"
#include "serving/api/answer_constraint.h"
#include "serving/api/answer_log_probabilities.h"
#include "serving/api/generation_fields.h"
#include "serving/api/openai_shapes.h"
#include "serving/api/plain_prompt.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

class CompletionProtocol final : public AnswerProtocol {
 public:
  CompletionProtocol(CompletionHead head, std::size_t n, bool streams, bool include_usage)
      : AnswerProtocol(streams), head_(std::move(head)), include_usage_(include_usage), choices_(n) {}

  void show_log_probabilities(const Tokenizer& tokenizer) {
    for (Choice& choice : choices_) choice.log_probabilities.emplace(tokenizer);
  }

  /// The answer begins with the prompt, whose first token is `first`. Due after show_log_probabilities().
  void echo(std::string_view prompt, std::int32_t first) {
    for (Choice& choice : choices_) {
      choice.echo = prompt;
      if (choice.log_probabilities) choice.log_probabilities->add_first(first);
    }
  }

  void add(std::size_t index, const BatchUpdate& news) override {
    Choice& choice = choices_[index];
    if (choice.log_probabilities) {
      choice.log_probabilities->add(news.prompt_log_probabilities);
      choice.log_probabilities->add(news.log_probabilities);
    }
    if (news.text.empty() && !news.finished) return;
    const std::string text = std::exchange(choice.echo, {}).append(news.text);
    choice.text += text;
    json::value reason;
    if (news.finished) {
      choice.finish_reason = finish_reason_of(*news.finished);
      reason = choice.finish_reason;
    }
    if (!streams()) return;
    json::object message = head_.object("text_completion");
    message["choices"] = json::array{choice_object(index, text, next_log_probabilities(choice), std::move(reason))};
    say("", message);
  }

  void end(const Usage& usage) override {
    if (include_usage_) say("", head_.usage_message("text_completion", usage));
    say_done();
  }

  json::object body(const Usage& usage) override {
    json::array choices;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      const Choice& choice = choices_[i];
      choices.push_back(
          choice_object(i, choice.text, all_log_probabilities(choice), json::value(choice.finish_reason)));
    }
    json::object result = head_.object("text_completion");
    result["choices"] = std::move(choices);
    result["usage"] = usage_object(usage);
    return result;
  }

 private:
  struct Choice {
    std::string echo;  // comes before the text that is generated
    std::string text;
    std::string finish_reason;
    std::optional<AnswerLogProbabilities> log_probabilities;
  };

  static json::value all_log_probabilities(const Choice& choice) {
    if (!choice.log_probabilities) return nullptr;
    return completion_log_probabilities(choice.log_probabilities->all());
  }

  static json::value next_log_probabilities(Choice& choice) {
    if (!choice.log_probabilities) return nullptr;
    return completion_log_probabilities(choice.log_probabilities->next());
  }

  static json::object choice_object(std::size_t index, std::string_view text, json::value log_probabilities,
                                    json::value finish_reason) {
    return {{"index", index},
            {"text", text},
            {"logprobs", std::move(log_probabilities)},
            {"finish_reason", std::move(finish_reason)}};
  }

  CompletionHead head_;
  bool include_usage_;
  std::vector<Choice> choices_;
};

/// Of an answer that begins with the prompt, which may be all of it.
void want_prompt(BatchRequest& request) {
  GenerationOptions& options = request.options;
  request.n_top_prompt_log_probabilities = request.n_top_log_probabilities;
  request.only_prompt = options.max_tokens == 0;
  // Who scores texts counts on one entry for the one token generated, and the end of the sequence has none.
  if (request.n_top_log_probabilities && options.max_tokens == 1) options.ignore_eos = true;
  if (request.only_prompt) options.max_tokens = 1;
}

}  // namespace

void completions(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  const json::value parsed = parse_json(exchange->request().body, "the request");
  const JsonReader fields = JsonReader::of_document(parsed, "the request");
  model.check_name(fields.optional_string("model"));
  GenerationOptions defaults = model.defaults();
  defaults.max_tokens = 16;  // as OpenAI has it
  const bool echo = fields.optional_boolean("echo").value_or(false);
  PlainPrompt prompt = read_plain_prompt(model, fields, {"prompt"});
  BatchRequest request{
      .prompt = std::move(prompt.tokens),
      .options = read_generation_options(fields.json(), std::move(defaults), /*fewest_tokens=*/echo ? 0 : 1),
      .priority = 0,
      .n_top_log_probabilities = read_completion_log_probabilities(fields)};
  if (echo) want_prompt(request);
  if (auto grammar = completion_constraint(fields)) request.constraint = model.constrained(*std::move(grammar));
  const auto n = static_cast<std::size_t>(fields.optional_integer("n", {1, kMaxChoices}).value_or(1));
  const bool streams = fields.optional_boolean("stream").value_or(false);
  auto protocol = std::make_unique<CompletionProtocol>(CompletionHead("cmpl", model), n, streams, wants_usage(fields));
  if (request.n_top_log_probabilities) protocol->show_log_probabilities(model.loaded().require_tokenizer());
  if (echo && !request.prompt.empty()) {
    protocol->echo(prompt.text ? *prompt.text : model.loaded().require_tokenizer().decode(request.prompt, false),
                   request.prompt.front());
  }
  std::make_shared<Answer>(model, exchange, std::move(protocol))->start(request, n);
}

}  // namespace marlin::api
