// SPDX-License-Identifier: Apache-2.0
// Every kind of pass is run three times over: as it normally runs, for totals, and with a command buffer for each stage
// of each layer, and for each dispatch, for the shares. Device times come from the command buffers, so any backend that
// has those can be profiled.
#include "generation/profiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "generation/measurement.h"
#include "generation/sequence.h"
#include "ops/copy.h"

namespace marlin {
namespace {

constexpr std::size_t kStages = kProfileStages.size();
using StageTimes = std::array<double, kStages>;

double milliseconds(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

/// A sequence whose passes can be watched one at a time.
class ObservedSequence {
 public:
  ObservedSequence(const LoadedModel& loaded, const RuntimeOptions& options)
      : sequence_(loaded, 1, options, instruments_) {
    instruments_.timeline().record(true);
  }

  void fill(std::span<const std::int32_t> context) {
    sequence_.truncate(0);
    sequence_.append(context);
    if (!context.empty()) static_cast<void>(sequence_.logits());  // waits
  }

  /// Appends `tokens`, chooses a token, forgets them again; returns what the device did.
  std::vector<Timeline::Entry> run(std::span<const std::int32_t> tokens) {
    const std::int64_t context = sequence_.size();
    sequence_.begin_sampling({.temperature = 0.0}, {});
    instruments_.timeline().take();
    before_ = instruments_.counters();
    sequence_.append_and_sample(tokens);
    sequence_.next_token();
    sequence_.truncate(context);
    return instruments_.timeline().take();
  }

  /// Of the last run().
  [[nodiscard]] Counters counters() const { return instruments_.counters() - before_; }

 private:
  Instruments instruments_{nullptr};
  Sequence sequence_;
  Counters before_;
};

class PassProfiler {
 public:
  PassProfiler(const LoadedModel& loaded, const ProfileOptions& options)
      : loaded_(loaded),
        options_(options),
        whole_(loaded, runtime_options(loaded, loaded.execution)),
        staged_(loaded, apart_options(loaded, CommitUnit::kStage)),
        dispatched_(loaded, apart_options(loaded, CommitUnit::kDispatch)) {}

  PassProfile profile(std::string name, std::span<const std::int32_t> context, std::span<const std::int32_t> tokens) {
    const auto n_rows = static_cast<std::int64_t>(tokens.size());
    PassProfile pass;
    pass.name = std::move(name);
    pass.n_rows = n_rows;
    pass.weight_bytes = loaded_.model->expected_weight_bytes(n_rows);
    measure_whole(context, tokens, pass);
    measure_stages(context, tokens, pass);
    measure_kernels(context, tokens, pass);
    return pass;
  }

 private:
  static RuntimeOptions apart_options(const LoadedModel& loaded, CommitUnit unit) {
    RuntimeOptions options = runtime_options(loaded, loaded.execution);
    options.commit.unit = unit;
    if (unit == CommitUnit::kStage) options.expert_dispatch = ExpertDispatch::kSharedApart;
    options.check_finite = false;
    return options;
  }

  void measure_whole(std::span<const std::int32_t> context, std::span<const std::int32_t> tokens, PassProfile& pass) {
    whole_.fill(context);
    std::vector<double> totals;
    std::vector<double> encodes;
    for (int i = 0; i < options_.warm_up + options_.iterations; ++i) {
      const std::vector<Timeline::Entry> entries = whole_.run(tokens);
      if (i < options_.warm_up) continue;
      double total = 0;
      for (const Timeline::Entry& entry : entries) total += milliseconds(entry.times.ended - entry.times.began);
      totals.push_back(total);
      const Counters counters = whole_.counters();
      encodes.push_back(counters.encode_seconds * 1e3);
      pass.commits = static_cast<double>(counters.commits);
      pass.dispatches = static_cast<double>(counters.dispatches);
      pass.waits = static_cast<double>(counters.waits);
    }
    pass.total_ms = median(totals);
    pass.encode_ms = median(encodes);
  }

  void measure_stages(std::span<const std::int32_t> context, std::span<const std::int32_t> tokens, PassProfile& pass) {
    const auto n_layers = static_cast<std::size_t>(loaded_.model->config().n_layers);
    staged_.fill(context);
    // times[row][stage][iteration]; the last row is what belongs to no layer
    std::vector<std::array<std::vector<double>, kStages>> times(n_layers + 1);
    for (int i = 0; i < options_.warm_up + options_.iterations; ++i) {
      std::vector<StageTimes> sums(n_layers + 1, StageTimes{});
      for (const Timeline::Entry& entry : staged_.run(tokens)) {
        const auto stage = static_cast<std::size_t>(entry.contents.stage);
        const bool in_layer = entry.contents.stage != Stage::kEmbedding && entry.contents.stage != Stage::kHead &&
                              entry.contents.stage != Stage::kSampling;
        const std::size_t row = in_layer ? static_cast<std::size_t>(entry.contents.last_layer) : n_layers;
        sums[row][stage] += milliseconds(entry.times.ended - entry.times.began);
      }
      if (i < options_.warm_up) continue;
      for (std::size_t row = 0; row <= n_layers; ++row) {
        for (std::size_t stage = 0; stage < kStages; ++stage) times[row][stage].push_back(sums[row][stage]);
      }
    }
    for (std::size_t row = 0; row <= n_layers; ++row) {
      StageTimes medians{};
      for (std::size_t stage = 0; stage < kStages; ++stage) {
        medians[stage] = median(times[row][stage]);
        pass.stage_ms[stage] += medians[stage];
      }
      if (row < n_layers) pass.layer_ms.push_back(medians);
    }
  }

  void measure_kernels(std::span<const std::int32_t> context, std::span<const std::int32_t> tokens, PassProfile& pass) {
    dispatched_.fill(context);
    std::map<std::string, std::vector<double>> times;  // of each pass
    for (int i = 0; i < options_.warm_up + options_.iterations; ++i) {
      std::map<std::string, KernelProfile> sums;
      for (const Timeline::Entry& entry : dispatched_.run(tokens)) {
        KernelProfile& sum = sums[entry.name];
        sum.launches += 1;
        sum.ms += milliseconds(entry.times.ended - entry.times.began);
      }
      if (i < options_.warm_up) continue;
      pass.kernels.clear();
      for (auto& [name, sum] : sums) {
        times[name].push_back(sum.ms);
        pass.kernels.push_back({name, sum.launches, 0});
      }
    }
    for (KernelProfile& kernel : pass.kernels) kernel.ms = median(times[kernel.name]);
    std::stable_sort(pass.kernels.begin(), pass.kernels.end(),
                     [](const KernelProfile& a, const KernelProfile& b) { return a.ms > b.ms; });
  }

  const LoadedModel& loaded_;
  ProfileOptions options_;
  ObservedSequence whole_;
  ObservedSequence staged_;
  ObservedSequence dispatched_;
};

/// Large enough to leave every cache.
double measure_copy_bandwidth(Device& device) {
  constexpr std::size_t kBytes = std::size_t{128} << 20;
  constexpr int kRepetitions = 5;
  const auto from = device.allocate(kBytes, "bandwidth");
  const auto to = device.allocate(kBytes, "bandwidth");
  double best = 0;
  for (int i = 0; i <= kRepetitions; ++i) {  // the first touches the pages
    const auto commands = device.create_command_buffer("bandwidth");
    ops::copy(*commands, {i == 0 ? to.get() : from.get(), 0, kBytes}, {i == 0 ? from.get() : to.get(), 0, kBytes});
    commands->commit();
    commands->wait();
    const std::chrono::duration<double> time = commands->times().ended - commands->times().began;
    if (i > 1) best = std::max(best, 2.0 * static_cast<double>(kBytes) / time.count());
  }
  return best;
}

void check(const ProfileOptions& options, const LoadedModel& loaded) {
  const std::int64_t most = loaded.device->info().step_rows;
  if (options.prompt_tokens < 0 || options.prompt_tokens > most) {
    fail(ErrorCode::kInvalidArgument, "--prompt must be between 0 and {}, got {}", most, options.prompt_tokens);
  }
  if (options.decode_context < 0 || options.warm_up < 0 || options.iterations < 1) {
    fail(ErrorCode::kInvalidArgument, "--context and --warm-up must not be negative, --iterations at least 1");
  }
  const std::int64_t needed = std::max(options.prompt_tokens, options.decode_context + 1);
  if (needed > loaded.info.context_tokens) {
    fail(ErrorCode::kContextOverflow, "profiling needs {} tokens of context, there are {}; raise --ctx-size", needed,
         loaded.info.context_tokens);
  }
}

}  // namespace

Profile profile_model(const LoadedModel& loaded, const ProfileOptions& options) {
  check(options, loaded);
  const std::vector<std::int32_t> tokens =
      random_tokens(std::max(options.prompt_tokens, options.decode_context + 1), loaded.info.vocab_size);
  const std::span<const std::int32_t> all(tokens);
  PassProfiler profiler(loaded, options);
  Profile profile;
  if (options.prompt_tokens > 0) {
    profile.passes.push_back(profiler.profile(fmt::format("prefill {}", options.prompt_tokens), {},
                                              all.first(static_cast<std::size_t>(options.prompt_tokens))));
  }
  const auto context = static_cast<std::size_t>(options.decode_context);
  profile.passes.push_back(
      profiler.profile(fmt::format("decode at {}", context), all.first(context), all.subspan(context, 1)));
  profile.copy_bandwidth = measure_copy_bandwidth(*loaded.device);
  return profile;
}

}  // namespace marlin
