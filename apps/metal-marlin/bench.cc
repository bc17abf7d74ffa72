// SPDX-License-Identifier: Apache-2.0
// metal-marlin bench: prompt and generation speed, in the manner of llama-bench: random tokens, a warm-up, several
// repetitions of all tests in turns; text is left out. Generation is the loop that answers come from, greedy.
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

/// One row of the result: a test on a session that holds `depth` tokens when it begins.
struct SpeedTest {
  std::string name;
  Session* session = nullptr;
  std::int64_t depth = 0;
  bool generating = false;
  std::span<const std::int32_t> context;  // what the session holds, then a token to generate from
  std::span<const std::int32_t> tokens;   // of a prompt; of a generation only their number counts
  std::vector<double> rates = {};         // tokens per second

  void run(std::size_t n) const;
  void measure();
};

struct BenchCommand {
  EngineFlags engine_flags;
  std::int64_t n_prompt = 512;
  std::int64_t n_generate = 32;
  std::vector<std::int64_t> depths = {0};
  int repetitions = 5;
  bool json = false;

  void operator()();
  [[nodiscard]] std::int64_t needed_context() const;
};

/// The first n tokens of the test.
void SpeedTest::run(std::size_t n) const {
  session->truncate(depth);
  if (generating) {
    session->generate_tokens(
        context, {.sampling = {.temperature = 0.0}, .max_tokens = static_cast<std::int64_t>(n), .ignore_eos = true});
  } else {
    session->append(tokens.first(n));
    static_cast<void>(session->logits());  // waits
  }
}

void SpeedTest::measure() {
  const auto start = std::chrono::steady_clock::now();
  run(tokens.size());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  rates.push_back(static_cast<double>(tokens.size()) / seconds.count());
}

/// Makes an empty session hold `tokens`.
void fill(Session& session, std::span<const std::int32_t> tokens, ProgressBar& bar) {
  constexpr std::size_t kPart = 512;
  for (std::size_t i = 0; i < tokens.size(); i += kPart) {
    bar.update("filling the cache", static_cast<double>(i) / static_cast<double>(tokens.size()));
    session.append(tokens.subspan(i, std::min(kPart, tokens.size() - i)));
    static_cast<void>(session.logits());  // waits
  }
}

double least(const SpeedTest& test) { return *std::min_element(test.rates.begin(), test.rates.end()); }
double most(const SpeedTest& test) { return *std::max_element(test.rates.begin(), test.rates.end()); }

void print_table(const EngineInfo& info, const std::vector<SpeedTest>& tests) {
  fmt::print("| model | backend | threads | test | tokens/s (median) | min | max |\n|---|---|---|---|---|---|---|\n");
  for (const SpeedTest& test : tests) {
    fmt::print("| {} | {}: {} | {} | {} | {:.2f} | {:.2f} | {:.2f} |\n", info.model, info.backend, info.device,
               info.n_threads, test.name, median(test.rates), least(test), most(test));
  }
  fmt::print("\nloaded in {:.2f} s, peak memory {:.2f} GiB (weights {:.2f} GiB)\n", info.load_seconds,
             static_cast<double>(peak_resident_bytes()) / (1 << 30),
             static_cast<double>(info.memory.weights) / (1 << 30));
}

void print_json(const EngineInfo& info, const std::vector<SpeedTest>& tests) {
  boost::json::array array;
  for (const SpeedTest& test : tests) {
    const boost::json::object speed{{"median", median(test.rates)}, {"min", least(test)}, {"max", most(test)}};
    array.push_back(boost::json::object{{"test", test.name},
                                        {"tokens_per_second", speed},
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
  fmt::print("{}\n", boost::json::serialize(array));
}

/// The context that the tests need. Errors: kInvalidArgument for options out of range.
std::int64_t BenchCommand::needed_context() const {
  const auto [least_depth, most_depth] = std::minmax_element(depths.begin(), depths.end());
  if (n_prompt < 0 || n_generate < 0 || n_prompt + n_generate == 0 || *least_depth < 0 || repetitions < 1) {
    fail(ErrorCode::kInvalidArgument,
         "--prompt and --generate must not be negative nor both 0, --depth not negative, --repetitions at least 1");
  }
  return *most_depth + std::max(n_prompt, n_generate + 1);  // generation starts from one token
}

void BenchCommand::operator()() {
  engine_flags.require_context(needed_context());
  const std::unique_ptr<Engine> engine = engine_flags.load();
  const std::int64_t vocab_size = engine->info().vocab_size;
  const std::vector<std::int32_t> tokens = random_tokens(std::max(n_prompt, n_generate), vocab_size);
  const std::vector<std::int32_t> context =
      random_tokens(*std::max_element(depths.begin(), depths.end()) + 1, vocab_size);
  ProgressBar bar;
  std::vector<std::unique_ptr<Session>> sessions;  // one for each depth, so that they can be measured in turns
  std::vector<SpeedTest> tests;
  for (const std::int64_t depth : depths) {
    const auto held = std::span(context).first(static_cast<std::size_t>(depth) + 1);
    sessions.push_back(engine->new_session());
    fill(*sessions.back(), held.first(held.size() - 1), bar);
    for (const bool generating : {false, true}) {
      const std::int64_t n = generating ? n_generate : n_prompt;
      if (n == 0) continue;
      const std::string at_depth = depth == 0 ? "" : fmt::format(" @ d{}", depth);
      tests.push_back({.name = fmt::format("{}{}{}", generating ? "tg" : "pp", n, at_depth),
                       .session = sessions.back().get(),
                       .depth = depth,
                       .generating = generating,
                       .context = held,
                       .tokens = std::span(tokens).first(static_cast<std::size_t>(n))});
      tests.back().run(std::min<std::size_t>(tests.back().tokens.size(), generating ? 2 : 64));  // warm-up
    }
  }
  for (int i = 0; i < repetitions; ++i) {
    for (SpeedTest& test : tests) {
      bar.update(test.name, static_cast<double>(i) / repetitions);
      test.measure();
    }
  }
  bar.clear();
  json ? print_json(engine->info(), tests) : print_table(engine->info(), tests);
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
  command
      ->add_option("-d,--depth", bench->depths,
                   "Tokens already in the cache when a test begins; several, with commas, are measured in turns")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("-r,--repetitions", bench->repetitions, "Times each test is run")->capture_default_str();
  command->add_flag("--json", bench->json, "Print a JSON array");
  add_bench_dispatch_command(*command);
  command->callback([bench, command] {  // called after a subcommand, too
    if (command->get_subcommands().empty()) (*bench)();
  });
}

}  // namespace marlin::app
