// SPDX-License-Identifier: Apache-2.0
#include "sampling_flags.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/error.h"

namespace marlin::app {
namespace {

template <typename T>
void replace(T& target, const std::optional<T>& given) {
  if (given) target = *given;
}

/// "TOKEN_ID=BIAS"; the bias may be -inf.
LogitBias parse_logit_bias(const std::string& text) {
  const std::size_t equals = text.find('=');
  LogitBias bias;
  const char* const begin = text.data();
  const auto [end, error] = std::from_chars(begin, begin + std::min(equals, text.size()), bias.token);
  char* bias_end = nullptr;
  if (equals != std::string::npos) bias.bias = std::strtof(begin + equals + 1, &bias_end);
  const bool whole = equals != std::string::npos && error == std::errc() && end == begin + equals &&
                     bias_end == begin + text.size() && equals + 1 < text.size();
  if (!whole || std::isnan(bias.bias)) {
    fail(ErrorCode::kInvalidArgument, "--logit-bias must be TOKEN_ID=BIAS, for example 4073=-inf; got '{}'", text);
  }
  return bias;
}

}  // namespace

void SamplingFlags::add_to(CLI::App& command) {
  const std::string group = "Generation (defaults: the model's generation_config.json)";
  command
      .add_option("-n,--predict,--max-tokens", max_tokens_, "Most tokens to generate (-1 = until the context is full)")
      ->group(group);
  command.add_option("--temp,--temperature", temperature_, "Randomness; 0 = always the most probable token")
      ->group(group);
  command.add_option("--top-k", top_k_, "Choose among the k most probable tokens (0 = off)")->group(group);
  command.add_option("--top-p", top_p_, "Choose among the most probable tokens that make up this mass")->group(group);
  command.add_option("--min-p", min_p_, "Drop tokens below this share of the largest probability")->group(group);
  command.add_option("--repeat-penalty", repetition_penalty_, "Divide logits of tokens seen before (1 = off)")
      ->group(group);
  command.add_option("--presence-penalty", presence_penalty_, "Subtract from logits of tokens generated before")
      ->group(group);
  command.add_option("--frequency-penalty", frequency_penalty_, "The same, for each time it was generated")
      ->group(group);
  command.add_option("-s,--seed", seed_, "Same seed, same text")->group(group);
  command
      .add_option("-l,--logit-bias", logit_bias_, "Add to a token's logit: TOKEN_ID=BIAS (-inf forbids it); repeatable")
      ->group(group);
  command.add_option("--stop", stop_, "End where this text appears; repeatable")->group(group);
  command.add_flag("--ignore-eos", ignore_eos_, "Generate past end-of-sequence tokens")->group(group);
}

GenerationOptions SamplingFlags::apply_to(GenerationOptions defaults) const {
  SamplingOptions& sampling = defaults.sampling;
  replace(sampling.temperature, temperature_);
  replace(sampling.top_k, top_k_);
  replace(sampling.top_p, top_p_);
  replace(sampling.min_p, min_p_);
  replace(sampling.repetition_penalty, repetition_penalty_);
  replace(sampling.presence_penalty, presence_penalty_);
  replace(sampling.frequency_penalty, frequency_penalty_);
  if (seed_) sampling.seed = seed_;
  for (const std::string& text : logit_bias_) sampling.logit_bias.push_back(parse_logit_bias(text));
  replace(defaults.max_tokens, max_tokens_);
  defaults.stop.insert(defaults.stop.end(), stop_.begin(), stop_.end());
  defaults.ignore_eos = ignore_eos_;
  return defaults;
}

std::string describe(const GenerationOptions& options) {
  const SamplingOptions& s = options.sampling;
  return fmt::format("temperature {}, top-k {}, top-p {}, min-p {}, repeat {}, presence {}, frequency {}, seed {}",
                     s.temperature, s.top_k, s.top_p, s.min_p, s.repetition_penalty, s.presence_penalty,
                     s.frequency_penalty, s.seed ? std::to_string(*s.seed) : "random");
}

}  // namespace marlin::app
