// SPDX-License-Identifier: Apache-2.0
// One sequence on the device: its cache, its workspace, and the tokens it holds. The only place of the library that
// waits.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "generation/loaded_model.h"
#include "model/kv_cache.h"
#include "model/workspace.h"

namespace marlin {

class Sequence {
 public:
  /// `loaded` must outlive this.
  Sequence(const LoadedModel& loaded, std::int64_t n_logit_rows);

  [[nodiscard]] const std::vector<std::int32_t>& tokens() const { return tokens_; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  [[nodiscard]] std::int64_t capacity() const { return cache_.n_positions(); }

  void truncate(std::int64_t n_tokens);

  /// Appends tokens in passes of at most max_chunk_tokens (0 = the default) and waits; afterwards logits() are those of
  /// the last token. Errors: kContextOverflow, kInvalidArgument for an id outside the vocabulary.
  void append(std::span<const std::int32_t> tokens, std::int64_t max_chunk_tokens = 0);

  /// Appends at most `max_logit_rows()` tokens in one pass; row i of the returned [n_tokens][vocab] follows token i.
  std::span<const float> append_for_all_logits(std::span<const std::int32_t> tokens);
  [[nodiscard]] std::int64_t max_logit_rows() const { return workspace_.needs().n_logit_rows; }

  [[nodiscard]] std::span<float> logits();

 private:
  void run(std::span<const std::int32_t> tokens, std::int64_t n_logit_rows);

  const LoadedModel& loaded_;
  KvCache cache_;
  Workspace workspace_;
  std::vector<std::int32_t> tokens_;
};

}  // namespace marlin
