// SPDX-License-Identifier: Apache-2.0
#include "serving/api/props.h"

#include <boost/json.hpp>
#include <filesystem>

namespace marlin::api {
namespace {

namespace json = boost::json;

json::object default_settings(const ServedModel& model) {
  const SamplingOptions& sampling = model.defaults().sampling;
  return {{"n_ctx", model.loaded().info.context_tokens},
          {"params", json::object{{"n_predict", model.defaults().max_tokens},
                                  {"temperature", sampling.temperature},
                                  {"top_k", sampling.top_k},
                                  {"top_p", sampling.top_p},
                                  {"min_p", sampling.min_p},
                                  {"repeat_penalty", sampling.repetition_penalty},
                                  {"presence_penalty", sampling.presence_penalty},
                                  {"frequency_penalty", sampling.frequency_penalty}}}};
}

json::array end_tokens(const LoadedModel& loaded) {
  json::array tokens;
  for (const std::int32_t token : loaded.defaults.eos_token_ids) {
    tokens.emplace_back(loaded.require_tokenizer().decode(std::span(&token, 1), /*skip_special=*/false));
  }
  return tokens;
}

}  // namespace

void props(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  const LoadedModel& loaded = model.loaded();
  const json::array ends = end_tokens(loaded);
  const json::object body{
      {"default_generation_settings", default_settings(model)},
      {"total_slots", model.max_batch_size()},
      {"model_alias", model.name()},
      {"model_path", std::filesystem::path(loaded.info.model).lexically_normal().filename().string()},
      {"architecture", loaded.info.architecture},
      {"chat_template", loaded.chat_template ? loaded.chat_template->source() : ""},
      {"eos_token", ends.empty() ? json::value("") : ends.front()},
      {"eos_tokens", ends},
      {"modalities", json::object{{"vision", false}, {"audio", false}}},
      {"build_info", "metal-marlin " MARLIN_VERSION}};
  exchange->respond({.status = 200, .content_type = "application/json", .body = json::serialize(body), .headers = {}});
}

}  // namespace marlin::api
