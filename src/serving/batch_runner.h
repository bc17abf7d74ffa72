// SPDX-License-Identifier: Apache-2.0
// Has plans of the scheduler computed: owns the paged cache, the runtime, and what each sequence needs on the device to
// choose its tokens. A pass is encoded without waiting, from tokens that the device may have yet to choose; tokens and
// logits are collected pass by pass. One thread uses it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "abi/sample.h"
#include "base/memory.h"
#include "generation/loaded_model.h"
#include "model/kv_cache.h"
#include "runtime/runtime.h"
#include "serving/batch_scheduler.h"

namespace marlin {

struct RunnerLimits {
  SchedulerLimits batch;
  std::int64_t max_sequences = 0;  ///< that have been added and not removed
  std::int64_t n_blocks = 0;
  std::int64_t block_tokens = kBlockTokens;
};

/// What a sequence wants beyond having its tokens chosen; only those who want it pay for it.
struct ChoiceNeeds {
  bool logits = false;  ///< to see the logits of its rows that give any
  bool mask = false;    ///< to say with allow() what may be chosen; its passes must not run ahead of that
};

/// What a pass gave for a sequence.
struct PassOutput {
  SequenceId sequence = 0;
  std::optional<std::int32_t> token = {};  ///< chosen after the last row
  std::span<const float> logits = {};  ///< of the planned n_logit_rows, as the model gave them, if the sequence needs
                                       ///< them; until the next run()
};

class BatchRunner {
 public:
  /// `loaded` must outlive this. Errors: kOutOfMemory.
  BatchRunner(const LoadedModel& loaded, const RunnerLimits& limits, const RuntimeOptions& options);

  /// Passes that may be under way at a time.
  static constexpr std::size_t kMaxAhead = 2;

  /// Makes ready to choose tokens for a sequence. Errors: kInvalidArgument for options or tokens out of range.
  void add(SequenceId sequence, const SamplingOptions& options, std::span<const std::int32_t> prompt,
           const ChoiceNeeds& needs = {});

  /// What the choices of the sequence are among from now on: bit token % 32 of mask[token / 32] for every token of the
  /// vocabulary, at least one set. Due before the first pass that chooses for it; none may be under way.
  void allow(SequenceId sequence, std::span<const std::uint32_t> mask);

  /// The sequence is over. Its tokens of passes under way are still collected.
  void remove(SequenceId sequence);

  /// Encodes and commits a plan that is not empty; fewer than kMaxAhead passes must be under way.
  void run(const BatchPlan& plan);

  [[nodiscard]] std::size_t n_under_way() const { return passes_.size(); }

  /// Waits for the oldest pass under way and returns what it gave, in the order of its plan: of the sequences that
  /// wanted something of it. Valid until the next call. Errors: kDevice; recover() must follow.
  std::span<const PassOutput> collect();

  /// After a failure of any function: waits for what is under way and drops it. The cache has lost its contents.
  void recover();

  [[nodiscard]] const KvCache& cache() const { return cache_; }

 private:
  /// Of a sequence: where its tokens go and how they are chosen.
  struct Sampler {
    std::int64_t slot = 0;
    abi::SampleArguments arguments{};
    std::unique_ptr<Buffer> state;
    std::unique_ptr<Buffer> mask;  // null unless needed
    bool shows_logits = false;
    std::uint64_t n_chosen = 0;  // by passes that may be under way
  };
  /// A sequence that is over, of which a pass may be using something.
  struct Retired {
    Sampler sampler;
    BatchId free_after = 0;
  };
  /// What is to come.
  struct Expected {
    SequenceId sequence = 0;
    BufferView token;   // none: none is chosen
    BufferView logits;  // none: not needed
  };
  struct Pass {
    BatchId end = 0;
    std::vector<Expected> expected;
  };

  void reuse_retired();
  std::unique_ptr<Buffer> take_buffer(std::size_t bytes, const char* name, Visibility visibility);
  void fill(const BatchPlan& plan, const MoEBuffers& buffers) const;
  Pass use_logits(const BatchPlan& plan, const BufferView& logits, Encoder& encoder);
  BufferView show(const BufferView& logits, std::int64_t first, Encoder& encoder) const;
  BufferView choose(Sampler& sampler, const BufferView& logits, Encoder& encoder) const;
  [[nodiscard]] std::size_t logits_bytes() const;
  [[nodiscard]] std::int64_t place_of(const Sampler& sampler, std::uint64_t number) const;

  const LoadedModel& loaded_;
  KvCache cache_;
  std::unique_ptr<Buffer> chosen_;  // i32, a ring of the last few tokens for each slot
  std::int64_t max_logit_rows_;
  std::unique_ptr<Buffer> shown_;  // logits for the host, of as many passes as may be under way; null until needed
  std::uint64_t n_passes_ = 0;
  std::unordered_map<SequenceId, Sampler> samplers_;
  std::vector<std::int64_t> free_slots_;
  std::vector<std::unique_ptr<Buffer>> free_buffers_;
  PageMemory sampler_room_;  // where states are made
  std::vector<Retired> retired_;
  std::deque<Pass> passes_;
  std::vector<PassOutput> collected_;
  BatchId last_pass_ = 0;
  Runtime runtime_;  // last: destroyed first, when the device no longer uses the rest
};

}  // namespace marlin
