// SPDX-License-Identifier: Apache-2.0
// Golden files and the figures models are judged by: KL divergence, agreement of the best token, logit error. A NaN in
// what is judged counts as infinitely wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "io/safetensors.h"

namespace marlin::test {

/// sum p_ref (log p_ref - log p) of each position, in nats; infinite where `logits` has a NaN. Both are
/// [positions][n_vocab].
std::vector<double> kl_per_position(std::span<const double> reference, std::span<const double> logits,
                                    std::size_t n_vocab);

/// The mean over all positions, and the median (of an even count, the mean of the middle two).
double mean(std::span<const double> values);
double median(std::span<const double> values);

/// Mean of kl_per_position.
double kl_divergence(std::span<const double> reference, std::span<const double> logits, std::size_t n_vocab);

/// Share of positions (0..1) whose largest logit is the same; a position with a NaN disagrees.
double argmax_agreement(std::span<const double> reference, std::span<const double> logits, std::size_t n_vocab);

/// max |logits - reference| / rms(reference); see near_norm.h.
double max_error_over_rms(std::span<const double> reference, std::span<const double> logits);

/// A safetensors file of golden values.
class GoldenFile {
 public:
  /// Throws as SafetensorsFile::open.
  explicit GoldenFile(const std::filesystem::path& path);

  [[nodiscard]] bool contains(std::string_view name) const;
  /// The rest throw Error(kNotFound) for an absent tensor, kUnsupported for a type that does not fit.
  [[nodiscard]] std::vector<std::int64_t> shape(std::string_view name) const;
  /// A tensor of F64, F32, F16, BF16, U8, U16, I16, U32, I32 or I64, converted exactly (I64: below 2^53).
  [[nodiscard]] std::vector<double> values(std::string_view name) const;
  /// A tensor of the integer types among these, such as token ids.
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view name) const;

 private:
  [[nodiscard]] const TensorView& tensor(std::string_view name) const;

  SafetensorsFile file_;
};

}  // namespace marlin::test
