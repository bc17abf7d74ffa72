// SPDX-License-Identifier: Apache-2.0
#include "generation/sequence.h"

#include <algorithm>

#include "base/error.h"

namespace marlin {

Sequence::Sequence(const LoadedModel& loaded, std::int64_t n_logit_rows)
    : loaded_(loaded),
      cache_(*loaded.device, loaded.model->config(), loaded.info.context_tokens, loaded.cache_format),
      workspace_(*loaded.device, session_needs(loaded, n_logit_rows)) {
  tokens_.reserve(static_cast<std::size_t>(loaded.info.context_tokens));
}

void Sequence::truncate(std::int64_t n_tokens) {
  MARLIN_CHECK(n_tokens >= 0 && n_tokens <= size());
  tokens_.resize(static_cast<std::size_t>(n_tokens));
}

void Sequence::append(std::span<const std::int32_t> tokens, std::int64_t max_chunk_tokens) {
  const std::int64_t largest = workspace_.needs().n_rows;
  const auto chunk = static_cast<std::size_t>(max_chunk_tokens > 0 ? std::min(max_chunk_tokens, largest) : largest);
  while (!tokens.empty()) {
    const std::size_t n = std::min(chunk, tokens.size());
    run(tokens.first(n), n == tokens.size() ? 1 : 0);
    tokens = tokens.subspan(n);
  }
}

std::span<const float> Sequence::append_for_all_logits(std::span<const std::int32_t> tokens) {
  const auto n_rows = static_cast<std::int64_t>(tokens.size());
  run(tokens, n_rows);
  return {workspace_.logits().host<const float>(), tokens.size() * static_cast<std::size_t>(loaded_.info.vocab_size)};
}

std::span<float> Sequence::logits() {
  return {workspace_.logits().host<float>(), static_cast<std::size_t>(loaded_.info.vocab_size)};
}

void Sequence::run(std::span<const std::int32_t> tokens, std::int64_t n_logit_rows) {
  const auto n_rows = static_cast<std::int64_t>(tokens.size());
  if (size() + n_rows > capacity()) {
    fail(ErrorCode::kContextOverflow, "{} tokens do not fit the context of {}; a larger --ctx-size may help",
         size() + n_rows, capacity());
  }
  for (const std::int32_t token : tokens) {
    if (token < 0 || token >= loaded_.info.vocab_size) {
      fail(ErrorCode::kInvalidArgument, "token id {} is outside the vocabulary of {}", token, loaded_.info.vocab_size);
    }
  }
  std::copy(tokens.begin(), tokens.end(), workspace_.ids().host<std::int32_t>());
  const auto commands = loaded_.device->create_command_buffer("forward");
  loaded_.model->encode(*commands, {.n_rows = n_rows,
                                    .start_position = size(),
                                    .n_logit_rows = n_logit_rows,
                                    .cache = &cache_,
                                    .workspace = &workspace_,
                                    .rope_table = {loaded_.rope_table.get(), 0, loaded_.rope_table->size_bytes()},
                                    .tap = {}});
  commands->commit();
  commands->wait();
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
}

}  // namespace marlin
