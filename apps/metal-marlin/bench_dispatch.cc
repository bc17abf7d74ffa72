// SPDX-License-Identifier: Apache-2.0
// metal-marlin bench dispatch: what handing work to the device costs, expert by expert and batched. Two sessions over
// the same weights generate in turn, so that a machine that slows down slows both; counters are read twice at the same
// point of the token loop, which always has one pass encoded ahead.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>

#include "allocation_counter.h"
#include "base/error.h"
#include "commands.h"
#include "engine_flags.h"
#include "generation/measurement.h"
#include "progress.h"

namespace marlin::app {
namespace {

constexpr std::int64_t kPromptTokens = 8;
constexpr std::int64_t kSettlingTokens = 4;  ///< generated before measuring
constexpr std::int64_t kTokensAhead = 1;     ///< generated after it: the last token has no pass encoded ahead

struct Figure {
  const char* key;
  int decimals;
};

constexpr std::array kFigures = {Figure{"commits_per_forward", 2},     Figure{"dispatches_per_forward", 1},
                                 Figure{"bytes_bound_per_forward", 0}, Figure{"waits_per_token", 2},
                                 Figure{"allocations_per_token", 2},   Figure{"encode_ms_per_token", 4},
                                 Figure{"dispatch_ms_per_token", 4},   Figure{"tokens_per_second", 2}};
constexpr std::size_t kSpeed = kFigures.size() - 1;

/// In the order of kFigures.
using Figures = std::array<double, kFigures.size()>;

/// State of the engine and the process at one moment.
struct Snapshot {
  Counters counters;
  std::uint64_t allocations = 0;
  std::chrono::steady_clock::time_point at;

  static Snapshot take(const Engine& engine) {
    return {engine.counters(), allocation_count(), std::chrono::steady_clock::now()};
  }
};

Figures figures_between(const Snapshot& start, const Snapshot& end) {
  const Counters spent = end.counters - start.counters;
  const auto forwards = static_cast<double>(spent.forwards);
  const auto tokens = static_cast<double>(spent.tokens);
  const auto allocations = static_cast<double>(end.allocations - start.allocations + spent.device_allocations);
  const double seconds = std::chrono::duration<double>(end.at - start.at).count();
  // A pass may end just after the last moment that was measured, another just after the first.
  const double dispatching = std::max(0.0, seconds - spent.device_seconds);
  return {static_cast<double>(spent.commits) / forwards,
          static_cast<double>(spent.dispatches) / forwards,
          static_cast<double>(spent.bytes_bound) / forwards,
          static_cast<double>(spent.waits) / tokens,
          allocations / tokens,
          spent.encode_seconds * 1e3 / tokens,
          dispatching * 1e3 / tokens,
          tokens / seconds};
}

/// One way of dispatching and what was measured of it.
struct Contender {
  const char* name;
  std::unique_ptr<Session> session;
  std::array<std::vector<double>, kFigures.size()> measured = {};

  void add(const Figures& figures) {
    for (std::size_t i = 0; i < figures.size(); ++i) measured[i].push_back(figures[i]);
  }

  [[nodiscard]] Figures medians() const {
    Figures figures{};
    for (std::size_t i = 0; i < figures.size(); ++i) figures[i] = median(measured[i]);
    return figures;
  }
};

struct BenchDispatchCommand {
  EngineFlags engine_flags;
  std::int64_t n_tokens = 32;
  int repetitions = 3;
  bool json = false;

  void operator()();
  [[nodiscard]] Contender contender(Engine& engine, const char* name, DispatchStrategy strategy) const;
  [[nodiscard]] Figures measure(const Engine& engine, Session& session) const;
};

Contender BenchDispatchCommand::contender(Engine& engine, const char* name, DispatchStrategy strategy) const {
  ExecutionOptions execution = engine_flags.options.execution;
  execution.dispatch = strategy;
  return {.name = name, .session = engine.new_session(1, execution)};
}

Figures BenchDispatchCommand::measure(const Engine& engine, Session& session) const {
  Snapshot start;
  Snapshot end;
  std::int64_t n_seen = 0;
  const TokenSink sink = [&](std::int32_t /*token*/) {
    ++n_seen;
    if (n_seen == kSettlingTokens) start = Snapshot::take(engine);
    if (n_seen == kSettlingTokens + n_tokens) end = Snapshot::take(engine);
    return true;
  };
  session.truncate(0);
  session.generate_tokens(
      random_tokens(kPromptTokens, engine.info().vocab_size),
      {.sampling = {.temperature = 0.0}, .max_tokens = kSettlingTokens + n_tokens + kTokensAhead, .ignore_eos = true},
      sink);
  return figures_between(start, end);
}

std::string text(const Figure& figure, double value) { return fmt::format("{:.{}f}", value, figure.decimals); }

void print_table(const EngineInfo& info, const Figures& sequential, const Figures& batched) {
  fmt::print("{} on {} ({}), version {}\n\n", info.model, info.backend, info.device, MARLIN_VERSION);
  fmt::print("{:<24} {:>12} {:>12} {:>22}\n", "", "sequential", "batched", "batched : sequential");
  for (std::size_t i = 0; i < kFigures.size(); ++i) {
    fmt::print("{:<24} {:>12} {:>12} {:>22}\n", kFigures[i].key, text(kFigures[i], sequential[i]),
               text(kFigures[i], batched[i]),
               sequential[i] != 0 ? fmt::format("{:.3f}", batched[i] / sequential[i]) : "-");
  }
}

boost::json::object to_json(const Figures& figures) {
  boost::json::object object;
  for (std::size_t i = 0; i < kFigures.size(); ++i) object[kFigures[i].key] = figures[i];
  return object;
}

void print_json(const EngineInfo& info, const Figures& sequential, const Figures& batched) {
  const boost::json::object object{{"model", info.model},
                                   {"backend", info.backend},
                                   {"device", info.device},
                                   {"version", MARLIN_VERSION},
                                   {"sequential", to_json(sequential)},
                                   {"batched", to_json(batched)},
                                   {"speedup", batched[kSpeed] / sequential[kSpeed]}};
  fmt::print("{}\n", boost::json::serialize(object));
}

void BenchDispatchCommand::operator()() {
  if (n_tokens < 1 || repetitions < 1) {
    fail(ErrorCode::kInvalidArgument, "--generate and --repetitions must be at least 1");
  }
  const std::int64_t n_needed = kPromptTokens + kSettlingTokens + n_tokens + kTokensAhead;
  engine_flags.require_context(n_needed);
  const std::unique_ptr<Engine> engine = engine_flags.load();
  std::array contenders = {contender(*engine, "sequential", DispatchStrategy::kSequential),
                           contender(*engine, "batched", DispatchStrategy::kBatched)};
  ProgressBar bar;
  for (int i = -1; i < repetitions; ++i) {  // the first is the warm-up
    for (Contender& contender : contenders) {
      bar.update(contender.name, (i + 1.0) / (repetitions + 1.0));
      const Figures figures = measure(*engine, *contender.session);
      if (i >= 0) contender.add(figures);
    }
  }
  bar.clear();
  const auto& [sequential, batched] = contenders;
  (json ? print_json : print_table)(engine->info(), sequential.medians(), batched.medians());
}

constexpr const char* kExplanation =
    "Two sessions over the same weights decode greedily in turn:\n"
    "  sequential  a launch for every expert of a layer and a command buffer for every layer\n"
    "  batched     all experts of a layer in one launch per phase, --layers-per-commit layers in a command buffer\n"
    "\n"
    "Medians over the repetitions, of steady decoding:\n"
    "  commits_per_forward     command buffers handed to the device for a pass over all layers\n"
    "  dispatches_per_forward  kernel launches in them\n"
    "  bytes_bound_per_forward bytes of the operands bound to those; weights are reached by address\n"
    "  waits_per_token         times the host waited for the device\n"
    "  allocations_per_token   calls of operator new in the whole process and buffers the device allocated\n"
    "  encode_ms_per_token     host time from beginning a command buffer to having committed it\n"
    "  dispatch_ms_per_token   dispatch latency: time in which the device executed nothing\n"
    "  tokens_per_second";

/// Whoever writes `bench --synthetic NAME dispatch` should not get figures of another model.
void refuse_options_of(const CLI::App& bench) {
  for (const CLI::Option* option : bench.get_options()) {
    if (option->count() > 0) {
      fail(ErrorCode::kInvalidArgument, "{} belongs after 'dispatch': metal-marlin bench dispatch {} ...",
           option->get_name(), option->get_name());
    }
  }
}

}  // namespace

void add_bench_dispatch_command(CLI::App& bench) {
  CLI::App* command =
      bench.add_subcommand("dispatch", "Measure what handing work to the device costs, expert by expert and batched");
  command->footer(kExplanation);
  const auto dispatch = std::make_shared<BenchDispatchCommand>();
  dispatch->engine_flags.add_to(*command);
  dispatch->engine_flags.add_synthetic_to(*command);
  command->remove_option(command->get_option("--dispatch"));  // both are measured
  command->add_option("-n,--generate", dispatch->n_tokens, "Tokens measured in a repetition")->capture_default_str();
  command->add_option("-r,--repetitions", dispatch->repetitions, "Times each way is measured")->capture_default_str();
  command->add_flag("--json", dispatch->json, "Print one JSON object");
  command->callback([dispatch, &bench] {
    refuse_options_of(bench);
    (*dispatch)();
  });
}

}  // namespace marlin::app
