// SPDX-License-Identifier: Apache-2.0
#include "serving/api/generation_fields.h"

#include <charconv>
#include <initializer_list>
#include <string_view>

#include "base/error.h"
#include "io/json_reader.h"

namespace marlin::api {
namespace {

constexpr std::size_t kMaxStops = 64;
constexpr std::size_t kMaxBiases = 4096;

/// The first of the spellings that is there.
std::string_view present(const JsonReader& fields, std::initializer_list<std::string_view> spellings) {
  for (const std::string_view spelling : spellings) {
    if (fields.has(spelling)) return spelling;
  }
  return *spellings.begin();
}

void read_stops(const boost::json::object& request, std::vector<std::string>& stops) {
  const boost::json::value* const stop = request.if_contains("stop");
  if (stop == nullptr || stop->is_null()) return;
  stops.clear();
  const auto add = [&](const boost::json::value& value) {
    if (!value.is_string() || value.as_string().empty() || stops.size() == kMaxStops) {
      fail(ErrorCode::kInvalidArgument, "stop: a string or a list of up to {} strings, none empty", kMaxStops);
    }
    stops.emplace_back(value.as_string());
  };
  if (stop->is_array()) {
    for (const boost::json::value& value : stop->as_array()) add(value);
  } else {
    add(*stop);
  }
}

LogitBias read_bias(const boost::json::value& token, const boost::json::value& bias) {
  LogitBias result;
  const bool numbers = token.is_int64() && (bias.is_number());
  if (!numbers || token.as_int64() < 0 || token.as_int64() > INT32_MAX) {
    fail(ErrorCode::kInvalidArgument, "logit_bias: token ids with numbers, as {{\"1234\": -100}} or [[1234, -100]]");
  }
  result.token = static_cast<std::int32_t>(token.as_int64());
  result.bias = static_cast<float>(bias.to_number<double>());
  return result;
}

/// {"id": bias} as OpenAI has it, or [[id, bias]] as llama.cpp has it.
void read_biases(const boost::json::object& request, std::vector<LogitBias>& biases) {
  const boost::json::value* const field = request.if_contains("logit_bias");
  if (field == nullptr || field->is_null()) return;
  if (field->is_object()) {
    for (const auto& [key, value] : field->as_object()) {
      std::int64_t token = -1;
      const auto parsed = std::from_chars(key.data(), key.data() + key.size(), token);
      biases.push_back(read_bias(parsed.ptr == key.data() + key.size() ? boost::json::value(token) : nullptr, value));
    }
  } else if (field->is_array()) {
    for (const boost::json::value& pair : field->as_array()) {
      const bool is_pair = pair.is_array() && pair.as_array().size() == 2;
      biases.push_back(is_pair ? read_bias(pair.as_array()[0], pair.as_array()[1]) : read_bias(nullptr, nullptr));
    }
  } else {
    biases.push_back(read_bias(nullptr, nullptr));
  }
  if (biases.size() > kMaxBiases) fail(ErrorCode::kInvalidArgument, "logit_bias: at most {} tokens", kMaxBiases);
}

}  // namespace

GenerationOptions read_generation_options(const boost::json::object& request, GenerationOptions options,
                                          std::int64_t fewest_tokens) {
  const JsonReader fields(request, "request");
  SamplingOptions& sampling = options.sampling;
  const auto number = [&](std::string_view key, double& value) { value = fields.optional_number(key).value_or(value); };
  number("temperature", sampling.temperature);
  number("top_p", sampling.top_p);
  number("min_p", sampling.min_p);
  number(present(fields, {"repetition_penalty", "repeat_penalty"}), sampling.repetition_penalty);
  number("presence_penalty", sampling.presence_penalty);
  number("frequency_penalty", sampling.frequency_penalty);
  const std::int64_t top_k = fields.optional_integer("top_k").value_or(sampling.top_k);
  sampling.top_k = std::max<std::int64_t>(top_k, 0);  // -1 is "off" in vLLM
  if (const auto seed = fields.optional_integer("seed")) sampling.seed = static_cast<std::uint64_t>(*seed);
  read_biases(request, sampling.logit_bias);
  read_stops(request, options.stop);
  const std::string_view max_tokens =
      present(fields, {"max_completion_tokens", "max_tokens", "n_predict", "max_output_tokens"});
  options.max_tokens = fields.optional_integer(max_tokens, {-1, INT64_MAX}).value_or(options.max_tokens);
  if (options.max_tokens == 0 && fewest_tokens > 0) fail(ErrorCode::kInvalidArgument, "{}: at least 1", max_tokens);
  options.ignore_eos = fields.optional_boolean("ignore_eos").value_or(options.ignore_eos);
  return options;
}

}  // namespace marlin::api
