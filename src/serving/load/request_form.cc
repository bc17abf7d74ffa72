// SPDX-License-Identifier: Apache-2.0
#include "serving/load/request_form.h"

#include <array>
#include <utility>
#include <vector>

#include "base/error.h"

namespace marlin::load {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::array<std::uint32_t, 8> kTrialPicks = {0, 1, 2, 3, 4, 5, 6, 7};

asio::awaitable<std::string> find_model(LoadClient& client, const LoadOptions& options) {
  if (!options.model.empty()) co_return options.model;
  const WholeAnswer answer = co_await client.ask(options.server.base_path + "/models", "");
  if (answer.status != 200) {
    fail(ErrorCode::kNotFound, "GET {}/models, which is to name the model: status {}: {}", options.server.base_path,
         answer.status, read_error(answer.body));
  }
  co_return read_first_model(answer.body);
}

/// The ids of the words as the server's tokenizer has them (this server, vLLM and llama.cpp have the path); else words.
asio::awaitable<PromptVocabulary> find_vocabulary(LoadClient& client, const LoadOptions& options,
                                                  std::string_view model) {
  if (options.endpoint == Endpoint::kChat) co_return PromptVocabulary();
  const std::string words = PromptVocabulary::all_words();
  const json::object request{{"model", model}, {"prompt", words}, {"content", words}, {"add_special_tokens", false}};
  const WholeAnswer answer =
      co_await client.ask(std::string(options.server.root_path()) + "/tokenize", json::serialize(request));
  if (answer.status != 200) co_return PromptVocabulary();
  try {
    co_return PromptVocabulary(read_token_ids(answer.body));
  } catch (const Error&) {  // some other /tokenize
  }
  co_return PromptVocabulary();
}

/// What the server may take, best first.
std::vector<RequestForm> candidates(const LoadOptions& options, const std::string& model,
                                    const PromptVocabulary& vocabulary) {
  std::vector<RequestForm> forms;
  const auto add = [&](const PromptVocabulary& prompts) {
    for (const bool ignore_eos : {true, false}) {
      if (options.ignore_eos.value_or(ignore_eos) != ignore_eos) continue;
      forms.push_back({.endpoint = options.endpoint, .model = model, .vocabulary = prompts, .ignore_eos = ignore_eos});
    }
  };
  add(vocabulary);
  if (vocabulary.has_ids()) add(PromptVocabulary());
  return forms;
}

/// Whether the server understood the request and did not like it.
bool is_refusal(const RequestOutcome& outcome) {
  return outcome.failure && (outcome.failure->kind() == "status 400" || outcome.failure->kind() == "status 422");
}

}  // namespace

asio::awaitable<RequestForm> find_request_form(LoadClient& client, const LoadOptions& options) {
  std::string model = co_await find_model(client, options);
  PromptVocabulary vocabulary = co_await find_vocabulary(client, options, model);
  std::string first_refusal;
  for (RequestForm& form : candidates(options, model, vocabulary)) {
    const RequestOutcome outcome =
        co_await client.complete(options.server.base_path + std::string(form.path()), form.body(kTrialPicks, 1), {});
    if (!outcome.failure) co_return std::move(form);
    if (first_refusal.empty()) first_refusal = fmt::format("{}: {}", outcome.failure->kind(), outcome.failure->what());
    if (!is_refusal(outcome)) break;
  }
  fail(ErrorCode::kUnsupported, "the server does not take a request of one token: {}", first_refusal);
}

}  // namespace marlin::load
