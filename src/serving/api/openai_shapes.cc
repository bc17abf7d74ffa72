// SPDX-License-Identifier: Apache-2.0
#include "serving/api/openai_shapes.h"

#include <fmt/format.h>

#include <ctime>
#include <random>

namespace marlin::api {

std::string random_token() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}", random(), random(), random());
}

CompletionHead::CompletionHead(std::string_view prefix, const ServedModel& model)
    : token_(random_token()),
      id_(fmt::format("{}-{}", prefix, token_)),
      model_(model.name()),
      created_(std::time(nullptr)) {}

boost::json::object CompletionHead::object(std::string_view kind) const {
  return {{"id", id_}, {"object", kind}, {"created", created_}, {"model", model_}};
}

boost::json::object CompletionHead::usage_message(std::string_view kind, const Usage& usage) const {
  boost::json::object message = object(kind);
  message["choices"] = boost::json::array();
  message["usage"] = usage_object(usage);
  return message;
}

std::string CompletionHead::call_id(std::size_t choice, std::uint32_t call) const {
  return fmt::format("call_{}_{}_{}", token_, choice, call);
}

boost::json::object usage_object(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", boost::json::object{{"cached_tokens", usage.cached_tokens}}}};
}

std::string_view finish_reason_of(FinishReason reason) { return reason == FinishReason::kLength ? "length" : "stop"; }

bool wants_usage(const JsonReader& fields) {
  const auto options = fields.optional_object("stream_options");
  return options && options->optional_boolean("include_usage").value_or(false);
}

}  // namespace marlin::api
