// SPDX-License-Identifier: Apache-2.0
// What the host does for each pass of the batch engine besides encoding it: forming the plan, and taking in the token
// of every sequence. To hold against the time of a pass, of which it should be less than a hundredth.
#include <benchmark/benchmark.h>

#include "serving/batch_scheduler.h"

namespace marlin {
namespace {

void scheduler_step(benchmark::State& state) {
  const std::int64_t n_sequences = state.range(0);
  constexpr std::int64_t kPromptTokens = 512;
  constexpr std::int64_t kContext = 8192;
  constexpr std::int64_t kBlock = 16;
  BlockAllocator blocks(n_sequences * kContext / kBlock, kBlock);
  BatchScheduler scheduler({.max_batch_size = n_sequences, .max_batch_tokens = 512}, blocks);
  std::vector<SequenceId> live;
  std::int32_t n_texts = 0;
  const auto add = [&] {
    return scheduler.add(
        {.prompt = std::vector<std::int32_t>(kPromptTokens, ++n_texts), .max_length = kContext, .priority = 0});
  };
  for (std::int64_t i = 0; i < n_sequences; ++i) live.push_back(add());
  std::int64_t length = kPromptTokens;  // about
  std::int32_t token = 0;
  for (auto _ : state) {
    const BatchPlan& plan = scheduler.plan();
    for (const PlannedRows& rows : plan.rows) {
      if (rows.samples) scheduler.token_chosen(rows.sequence, ++token % 1000);
    }
    if (++length == kContext) {  // all begin anew
      for (SequenceId& sequence : live) {
        scheduler.remove(sequence);
        sequence = add();
      }
      length = kPromptTokens;
    }
  }
}
BENCHMARK(scheduler_step)->ArgName("sequences")->Arg(1)->Arg(8)->Arg(64)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace marlin
