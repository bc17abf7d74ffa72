// SPDX-License-Identifier: Apache-2.0
// Command-line options of generation. What is not given stays as the model recommends.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "metal_marlin/generation_options.h"

namespace marlin::app {

struct SamplingFlags {
  /// --temp, --top-k, --top-p, --min-p, penalties, --seed, --logit-bias, -n/--predict, --stop, --ignore-eos.
  void add_to(CLI::App& command);

  /// `defaults` with what was given in its place.
  [[nodiscard]] GenerationOptions apply_to(GenerationOptions defaults) const;

 private:
  std::optional<double> temperature_;
  std::optional<std::int64_t> top_k_;
  std::optional<double> top_p_;
  std::optional<double> min_p_;
  std::optional<double> repetition_penalty_;
  std::optional<double> presence_penalty_;
  std::optional<double> frequency_penalty_;
  std::optional<std::uint64_t> seed_;
  std::vector<std::string> logit_bias_;
  std::optional<std::int64_t> max_tokens_;
  std::vector<std::string> stop_;
  bool ignore_eos_ = false;
};

/// One line of the options in use, for --verbose.
std::string describe(const GenerationOptions& options);

}  // namespace marlin::app
