// SPDX-License-Identifier: Apache-2.0
// One sequence on the device: its cache, the runtime its passes run on, and the tokens it holds. Tokens are chosen on
// the device and fed to the next pass there, so that a pass can be encoded before the host has seen the token it reads;
// the host waits once per token, for a token that the device is already past. One thread uses it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "abi/sample.h"
#include "base/memory.h"
#include "generation/loaded_model.h"
#include "model/kv_cache.h"
#include "runtime/runtime.h"

namespace marlin {

class Sequence {
 public:
  /// `loaded` and `instruments` must outlive this.
  Sequence(const LoadedModel& loaded, std::int64_t n_logit_rows, const RuntimeOptions& options,
           Instruments& instruments);

  /// Tokens whose keys and values are in the cache, as far as the host knows them.
  [[nodiscard]] const std::vector<std::int32_t>& tokens() const { return tokens_; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  [[nodiscard]] std::int64_t capacity() const { return loaded_.info.context_tokens; }

  void truncate(std::int64_t n_tokens);

  /// Appends tokens in passes of at most max_chunk_tokens (0 = the default). Does not wait for the last two. Errors:
  /// kContextOverflow, kInvalidArgument for an id outside the vocabulary.
  void append(std::span<const std::int32_t> tokens, std::int64_t max_chunk_tokens = 0);

  /// Waits; the logits [vocab_size] of the last appended token, until the next pass.
  [[nodiscard]] std::span<const float> logits();

  /// Appends at most `max_logit_rows()` tokens in one pass and waits; row i of [n_tokens][vocab_size] follows token i.
  std::span<const float> append_for_all_logits(std::span<const std::int32_t> tokens);
  [[nodiscard]] std::int64_t max_logit_rows() const { return max_logit_rows_; }

  /// From now on tokens are chosen as `options` say; `prompt` is what penalties count as already there.
  void begin_sampling(const SamplingOptions& options, std::span<const std::int32_t> prompt);

  /// As append(), and chooses a token after the last.
  void append_and_sample(std::span<const std::int32_t> tokens);

  /// Appends the token chosen last, which the host need not have seen, and chooses the next. At most kMaxAhead chosen
  /// tokens may be waiting for next_token().
  void step();

  /// The next chosen token. Waits for the pass that chose it, not for later ones.
  std::int32_t next_token();

  static constexpr std::uint64_t kMaxAhead = 2;

 private:
  /// Runs `body`; a failure of the device leaves an empty sequence that recovers at its next use.
  template <typename Body>
  auto guarded(Body&& body);

  void run_chunks(std::span<const std::int32_t> tokens, std::int64_t max_chunk_tokens, bool sampling);
  void run(std::span<const std::int32_t> tokens, std::int64_t n_logit_rows, bool sampling);
  void run_pass(MoEBufferPool::Lease lease, std::int64_t n_rows, std::int64_t n_logit_rows, bool sampling);
  void check(std::span<const std::int32_t> tokens) const;
  void settle(BatchId pass);
  [[nodiscard]] BufferView chosen_token(std::uint64_t number) const;

  const LoadedModel& loaded_;
  Instruments& instruments_;
  std::int64_t max_chunk_rows_;
  std::int64_t max_logit_rows_;
  KvCache cache_;
  std::vector<std::uint32_t> blocks_;      // of the cache, all this sequence's, in order
  std::unique_ptr<Buffer> chosen_;         // i32, the last few chosen tokens, a ring
  std::unique_ptr<Buffer> sampler_state_;  // see src/sampling
  PageMemory sampler_room_;                // where it is made
  abi::SampleArguments sample_{};
  std::vector<std::int32_t> tokens_;
  std::int64_t n_positions_ = 0;  // encoded; tokens_ is behind by what the host has not seen

  std::uint64_t n_chosen_ = 0;  // tokens chosen since begin_sampling(), by passes that may still run
  std::uint64_t n_seen_ = 0;    // of them, by the host
  std::int32_t last_seen_ = 0;
  Clock::time_point seen_at_;
  std::array<BatchId, kMaxAhead + 1> chosen_by_{};  // ring like chosen_
  std::array<BatchId, 2> passes_{};                 // the last two
  BufferView logits_;                               // of the last pass
  std::vector<std::byte> shown_;                    // they, where the host does not see the device's memory
  bool needs_recovery_ = false;
  Runtime runtime_;  // last: destroyed first, when the device no longer uses the rest
};

}  // namespace marlin
