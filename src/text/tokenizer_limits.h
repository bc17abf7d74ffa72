// SPDX-License-Identifier: Apache-2.0
// Limits that the parts of the tokenizer share. tokenizer.json is a downloaded file: a chain of replacements in it
// could double a text without end, so every step that lengthens a text checks its growth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace marlin {

inline constexpr std::int32_t kMaxTokenId = (1 << 24) - 1;
/// Normalisers, pre-tokenisers or decoders in all, Sequences counted out.
inline constexpr std::size_t kMaxPipelineSteps = 256;
/// How deep Sequences may nest.
inline constexpr int kMaxSequenceDepth = 16;
/// Bytes of a text to encode; offsets fit 32 bits with room for growth.
inline constexpr std::size_t kMaxTextBytes = std::size_t{1} << 30;

/// Throws kUnsupported when a text of `original` bytes has become longer than 32 times that plus 1 MiB. `where` names
/// the step.
void check_growth(std::size_t now, std::size_t original, std::string_view where);

}  // namespace marlin
