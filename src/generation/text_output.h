// SPDX-License-Identifier: Apache-2.0
// The text of a generation as it settles: decoded token by token, cut where a stop string appears. Sessions and the
// serving loop have one for each generation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "generation/stop_matcher.h"
#include "text/stream_decoder.h"

namespace marlin {

class TextOutput {
 public:
  /// `tokenizer` must outlive this. Special tokens give no text.
  TextOutput(const Tokenizer& tokenizer, std::span<const std::string> stops)
      : decoder_(tokenizer, /*skip_special=*/true), stops_(stops) {}

  /// Takes the next token; appends to `out` the text that is now certain.
  void push(std::int32_t token, std::string& out);

  /// The end: appends what was held back. Call once, last.
  void finish(std::string& out);

  /// Of all the text so far, with what stop strings hold back or cut off, but without characters begun.
  [[nodiscard]] std::size_t decoded_bytes() const { return decoded_bytes_; }

  /// Whether a stop string has appeared; then there is no more text.
  [[nodiscard]] bool stopped() const { return stops_.matched(); }

  /// Which one: an index into `stops`.
  [[nodiscard]] std::optional<std::size_t> stop() const { return stops_.match(); }

 private:
  StreamDecoder decoder_;
  StopMatcher stops_;
  std::string decoded_;  // of one token; keeps its memory
  std::size_t decoded_bytes_ = 0;
};

}  // namespace marlin
