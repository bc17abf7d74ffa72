// SPDX-License-Identifier: Apache-2.0
// See generation_config.h.
#include "generation/generation_config.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "io/json_reader.h"

namespace marlin {
namespace {

constexpr IntegerRange kTokenIds{.min = 0, .max = std::numeric_limits<std::int32_t>::max()};

// As many as a model could mean; a longer list is a broken file.
constexpr std::size_t kMaxEosTokens = 1024;

std::vector<std::int32_t> read_eos_tokens(const JsonReader& reader) {
  constexpr std::string_view kKey = "eos_token_id";
  std::vector<std::int32_t> ids;
  const boost::json::value* value = reader.json().if_contains(kKey);
  if (value == nullptr || value->is_null()) {
    return ids;
  }
  if (!value->is_array()) {
    ids.push_back(static_cast<std::int32_t>(reader.integer(kKey, kTokenIds)));
    return ids;
  }
  const boost::json::array& list = value->get_array();
  if (list.size() > kMaxEosTokens) {
    fail(ErrorCode::kBadFile, "{}: eos_token_id lists {} tokens, at most {} are allowed", reader.document(),
         list.size(), kMaxEosTokens);
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::int64_t* id = list[i].if_int64();
    if (id == nullptr || *id < kTokenIds.min || *id > kTokenIds.max) {
      fail(ErrorCode::kBadFile, "{}: eos_token_id must be a token id or a list of token ids; entry {} is not",
           reader.document(), i);
    }
    ids.push_back(static_cast<std::int32_t>(*id));
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// A number in (0, max].
std::optional<double> optional_positive(const JsonReader& reader, std::string_view key, double max) {
  const std::optional<double> value = reader.optional_number(key, {.max = max});
  if (value.has_value() && *value <= 0.0) {
    fail(ErrorCode::kBadFile, "{}: {} must be above 0, got {}", reader.document(), key, *value);
  }
  return value;
}

SamplingOptions read_sampling(const JsonReader& reader) {
  constexpr double kMax = std::numeric_limits<double>::max();
  SamplingOptions sampling;
  sampling.temperature = reader.optional_number("temperature", {.min = 0.0}).value_or(sampling.temperature);
  // vLLM and others write -1 for "off".
  sampling.top_k = std::max(std::int64_t{0}, reader.optional_integer("top_k", {.min = -1}).value_or(sampling.top_k));
  sampling.top_p = optional_positive(reader, "top_p", 1.0).value_or(sampling.top_p);
  sampling.min_p = reader.optional_number("min_p", {.min = 0.0, .max = 1.0}).value_or(sampling.min_p);
  sampling.repetition_penalty =
      optional_positive(reader, "repetition_penalty", kMax).value_or(sampling.repetition_penalty);
  if (!reader.optional_boolean("do_sample").value_or(true)) {
    sampling.temperature = 0.0;
  }
  return sampling;
}

}  // namespace

GenerationDefaults read_generation_defaults(const boost::json::value* generation_config,
                                            const boost::json::value* config) {
  GenerationDefaults defaults;
  if (generation_config != nullptr) {
    const JsonReader reader = JsonReader::of_document(*generation_config, "generation_config.json");
    defaults.sampling = read_sampling(reader);
    defaults.eos_token_ids = read_eos_tokens(reader);
  }
  if (config != nullptr && defaults.eos_token_ids.empty()) {
    defaults.eos_token_ids = read_eos_tokens(JsonReader::of_document(*config, "config.json"));
  }
  return defaults;
}

}  // namespace marlin
