// SPDX-License-Identifier: Apache-2.0
// metal-marlin bench: prompt and generation speed, in the manner of llama-bench: random tokens, a warm-up, several
// repetitions; text is left out. Generation is the loop that answers come from, greedy.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

#include "base/error.h"
#include "base/memory.h"
#include "commands.h"
#include "engine_flags.h"
#include "generation/measurement.h"
#include "progress.h"

namespace marlin::app {
namespace {

struct Speed {
  std::string test;
  double median = 0;
  double min = 0;
  double max = 0;
};

struct BenchCommand {
  EngineFlags engine_flags;
  std::int64_t n_prompt = 512;
  std::int64_t n_generate = 32;
  std::int64_t depth = 0;
  int repetitions = 5;
  bool json = false;

  void operator()();
  void fill(Session& session, ProgressBar& bar) const;
  [[nodiscard]] Speed measure(Session& session, std::span<const std::int32_t> tokens, bool generating,
                              ProgressBar& bar) const;

  std::vector<std::int32_t> context;  // what the cache holds when a test begins, then a token to generate from
};

/// Makes an empty session hold `depth` tokens.
void BenchCommand::fill(Session& session, ProgressBar& bar) const {
  const std::span<const std::int32_t> tokens(context.data(), context.size() - 1);
  constexpr std::size_t kPart = 512;
  for (std::size_t i = 0; i < tokens.size(); i += kPart) {
    bar.update("filling the cache", static_cast<double>(i) / static_cast<double>(tokens.size()));
    session.append(tokens.subspan(i, std::min(kPart, tokens.size() - i)));
    static_cast<void>(session.logits());  // waits
  }
}

/// In a session that holds `depth` tokens.
Speed BenchCommand::measure(Session& session, std::span<const std::int32_t> tokens, bool generating,
                            ProgressBar& bar) const {
  const std::string at_depth = depth == 0 ? "" : fmt::format(" @ d{}", depth);
  Speed speed{.test = fmt::format("{}{}{}", generating ? "tg" : "pp", tokens.size(), at_depth)};
  const auto run = [&](std::span<const std::int32_t> part) {
    session.truncate(depth);
    if (generating) {
      const auto n = static_cast<std::int64_t>(part.size());
      session.generate_tokens(context, {.sampling = {.temperature = 0.0}, .max_tokens = n, .ignore_eos = true});
    } else {
      session.append(part);
      static_cast<void>(session.logits());  // waits
    }
  };
  run(tokens.first(std::min<std::size_t>(tokens.size(), generating ? 2 : 64)));  // warm-up
  std::vector<double> rates;
  for (int i = 0; i < repetitions; ++i) {
    bar.update(speed.test, static_cast<double>(i) / repetitions);
    const auto start = std::chrono::steady_clock::now();
    run(tokens);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    rates.push_back(static_cast<double>(tokens.size()) / seconds.count());
  }
  bar.clear();
  speed.median = median(rates);
  speed.min = *std::min_element(rates.begin(), rates.end());
  speed.max = *std::max_element(rates.begin(), rates.end());
  return speed;
}

void print_table(const EngineInfo& info, const std::vector<Speed>& speeds) {
  fmt::print("| model | backend | threads | test | tokens/s (median) | min | max |\n|---|---|---|---|---|---|---|\n");
  for (const Speed& speed : speeds) {
    fmt::print("| {} | {}: {} | {} | {} | {:.2f} | {:.2f} | {:.2f} |\n", info.model, info.backend, info.device,
               info.n_threads, speed.test, speed.median, speed.min, speed.max);
  }
  fmt::print("\nloaded in {:.2f} s, peak memory {:.2f} GiB (weights {:.2f} GiB)\n", info.load_seconds,
             static_cast<double>(peak_resident_bytes()) / (1 << 30),
             static_cast<double>(info.memory.weights) / (1 << 30));
}

void print_json(const EngineInfo& info, const std::vector<Speed>& speeds) {
  boost::json::array tests;
  for (const Speed& speed : speeds) {
    tests.push_back(boost::json::object{
        {"test", speed.test},
        {"tokens_per_second", boost::json::object{{"median", speed.median}, {"min", speed.min}, {"max", speed.max}}},
        {"backend", info.backend},
        {"device", info.device},
        {"model", info.model},
        {"threads", info.n_threads},
        {"peak_rss_bytes", peak_resident_bytes()},
        {"weight_bytes", info.memory.weights},
        {"token_weight_bytes", info.token_weight_bytes},
        {"kv_bytes", info.memory.kv_cache},
        {"workspace_bytes", info.memory.workspace},
        {"load_seconds", info.load_seconds},
        {"version", MARLIN_VERSION}});
  }
  fmt::print("{}\n", boost::json::serialize(tests));
}

void BenchCommand::operator()() {
  if (n_prompt < 0 || n_generate < 0 || n_prompt + n_generate == 0 || depth < 0 || repetitions < 1) {
    fail(ErrorCode::kInvalidArgument,
         "--prompt and --generate must not be negative nor both 0, --depth not negative, --repetitions at least 1");
  }
  engine_flags.require_context(depth + std::max(n_prompt, n_generate + 1));  // generation starts from one token
  const std::unique_ptr<Engine> engine = engine_flags.load();
  const std::unique_ptr<Session> session = engine->new_session();
  ProgressBar bar;
  context = random_tokens(depth + 1, engine->info().vocab_size);
  fill(*session, bar);
  std::vector<Speed> speeds;
  const std::vector<std::int32_t> tokens = random_tokens(std::max(n_prompt, n_generate), engine->info().vocab_size);
  for (const bool generating : {false, true}) {
    const std::int64_t n = generating ? n_generate : n_prompt;
    if (n > 0) {
      speeds.push_back(measure(*session, std::span(tokens).first(static_cast<std::size_t>(n)), generating, bar));
    }
  }
  json ? print_json(engine->info(), speeds) : print_table(engine->info(), speeds);
}

}  // namespace

void add_bench_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("bench", "Measure prompt and generation speed");
  const auto bench = std::make_shared<BenchCommand>();
  bench->engine_flags.add_to(*command);
  bench->engine_flags.add_synthetic_to(*command);
  command->add_option("-p,--prompt", bench->n_prompt, "Tokens of the prompt test (0 = none)")->capture_default_str();
  command->add_option("-n,--generate", bench->n_generate, "Tokens of the generation test (0 = none)")
      ->capture_default_str();
  command->add_option("-d,--depth", bench->depth, "Tokens already in the cache when a test begins")
      ->capture_default_str();
  command->add_option("-r,--repetitions", bench->repetitions, "Times each test is run")->capture_default_str();
  command->add_flag("--json", bench->json, "Print a JSON array");
  add_bench_dispatch_command(*command);
  command->callback([bench, command] {  // called after a subcommand, too
    if (command->get_subcommands().empty()) (*bench)();
  });
}

}  // namespace marlin::app
