// SPDX-License-Identifier: Apache-2.0
// Rotary parameters: which object they come from, which types exist, and YaRN's two magnitude corrections (formulas as
// in transformers' modeling_rope_utils and the DeepSeek-V3 attention).
#include "model/arch/rope_config.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "base/error.h"
#include "io/json.h"

namespace marlin {
namespace {

constexpr double kDefaultTheta = 10000.0;  // of transformers, for configs older than the key
constexpr NumberRange kThetaRange{1e-3, 1e15};
constexpr NumberRange kFactorRange{1.0, 1e6};
constexpr NumberRange kMscaleRange{0.0, 1e3};
constexpr NumberRange kPositionsRange{1.0, 1e9};

/// The object with the scaling parameters; nothing when there is none or it is empty.
std::optional<JsonReader> scaling_object(const JsonReader& config) {
  const auto scaling = config.optional_object("rope_scaling");
  const auto parameters = config.optional_object("rope_parameters");
  for (const auto& object : {scaling, parameters}) {
    if (object && !object->json().empty()) return object;
  }
  return std::nullopt;
}

void refuse_per_layer_parameters(const JsonReader& parameters) {
  for (const auto& member : parameters.json()) {
    if (member.value().is_object()) {
      fail(ErrorCode::kUnsupported, "{}: separate rotary parameters for '{}' layers are not supported",
           parameters.document(), excerpt({member.key().data(), member.key().size()}));
    }
  }
}

void refuse_partial_rotation(const JsonReader& reader) {
  const double factor = reader.optional_number("partial_rotary_factor").value_or(1.0);
  if (factor != 1.0) {
    fail(ErrorCode::kUnsupported, "{}: partial_rotary_factor is {}; only 1 is supported", reader.document(), factor);
  }
}

double original_positions(const JsonReader& config, const JsonReader& parameters, std::int64_t max_positions) {
  constexpr const char* kKey = "original_max_position_embeddings";
  if (const auto outer = config.optional_number(kKey, kPositionsRange)) return *outer;
  return parameters.optional_number(kKey, kPositionsRange).value_or(static_cast<double>(max_positions));
}

/// YaRN's magnitude for a context extended by `factor`.
double yarn_magnitude(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

void read_llama3(const JsonReader& parameters, RopeConfig& rope) {
  rope.scaling = RopeScaling::kLlama3;
  rope.factor = parameters.number("factor", kFactorRange);
  rope.low_freq_factor = parameters.number("low_freq_factor", {1e-6, 1e6});
  rope.high_freq_factor = parameters.number("high_freq_factor", {1e-6, 1e6});
  if (rope.high_freq_factor <= rope.low_freq_factor) {
    fail(ErrorCode::kBadFile, "{}: high_freq_factor {} must be greater than low_freq_factor {}", parameters.document(),
         rope.high_freq_factor, rope.low_freq_factor);
  }
}

void read_yarn(const JsonReader& parameters, std::int64_t max_positions, RopeConfig& rope) {
  rope.scaling = RopeScaling::kYarn;
  if (!parameters.optional_boolean("truncate").value_or(true)) {
    fail(ErrorCode::kUnsupported, "{}: truncate = false is not supported", parameters.document());
  }
  const double ratio = std::max(1.0, static_cast<double>(max_positions) / rope.original_max_positions);
  rope.factor = parameters.optional_number("factor", kFactorRange).value_or(ratio);
  rope.beta_fast = parameters.optional_number("beta_fast", {1e-6, 1e6}).value_or(32.0);
  rope.beta_slow = parameters.optional_number("beta_slow", {1e-6, 1e6}).value_or(1.0);
  if (rope.beta_fast < rope.beta_slow) {
    fail(ErrorCode::kBadFile, "{}: beta_fast {} must not be less than beta_slow {}", parameters.document(),
         rope.beta_fast, rope.beta_slow);
  }
  if (rope.theta <= 1.0) {
    fail(ErrorCode::kBadFile, "{}: rope_theta {} must be greater than 1 for yarn", parameters.document(), rope.theta);
  }
  const double mscale = parameters.optional_number("mscale", kMscaleRange).value_or(0.0);
  const double mscale_all_dim = parameters.optional_number("mscale_all_dim", kMscaleRange).value_or(0.0);
  if (const auto given = parameters.optional_number("attention_factor", {1e-6, 1e3})) {
    rope.attention_factor = *given;
  } else if (mscale != 0.0 && mscale_all_dim != 0.0) {
    rope.attention_factor = yarn_magnitude(rope.factor, mscale) / yarn_magnitude(rope.factor, mscale_all_dim);
  } else {
    rope.attention_factor = yarn_magnitude(rope.factor, 1.0);
  }
}

}  // namespace

ParsedRope parse_rope(const JsonReader& config, RopeLayout layout, std::int64_t max_position_embeddings) {
  ParsedRope parsed;
  RopeConfig& rope = parsed.rope;
  rope.layout = layout;
  rope.theta = config.optional_number("rope_theta", kThetaRange).value_or(kDefaultTheta);
  refuse_partial_rotation(config);
  const auto parameters = scaling_object(config);
  if (!parameters) return parsed;

  refuse_per_layer_parameters(*parameters);
  refuse_partial_rotation(*parameters);
  rope.theta = parameters->optional_number("rope_theta", kThetaRange).value_or(rope.theta);
  const auto older_type = parameters->optional_string("type");
  const std::string type(parameters->optional_string("rope_type").value_or(older_type.value_or("default")));
  if (type == "default") return parsed;
  if (type == "linear") {
    rope.scaling = RopeScaling::kLinear;
    rope.factor = parameters->number("factor", kFactorRange);
  } else if (type == "llama3") {
    rope.original_max_positions = original_positions(config, *parameters, max_position_embeddings);
    read_llama3(*parameters, rope);
  } else if (type == "yarn") {
    rope.original_max_positions = original_positions(config, *parameters, max_position_embeddings);
    read_yarn(*parameters, max_position_embeddings, rope);
    parsed.extended_positions = std::llround(std::min(rope.original_max_positions * rope.factor, kPositionsRange.max));
  } else {
    fail(ErrorCode::kUnsupported, "{}: rope type '{}' is not supported (known: default, linear, llama3, yarn)",
         parameters->document(), excerpt(type));
  }
  const double mscale_all_dim = parameters->optional_number("mscale_all_dim", kMscaleRange).value_or(0.0);
  if (mscale_all_dim != 0.0) {
    parsed.latent_softmax_correction = std::pow(yarn_magnitude(rope.factor, mscale_all_dim), 2);
  }
  return parsed;
}

}  // namespace marlin
