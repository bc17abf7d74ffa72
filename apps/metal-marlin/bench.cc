// SPDX-License-Identifier: Apache-2.0
// metal-marlin bench: prompt and generation speed, in the manner of llama-bench: random tokens, a warm-up, several
// repetitions of all tests in turns; text is left out. Generation is the loop that answers come from, greedy; of
// several streams, that of the server.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <latch>

#include "base/error.h"
#include "base/memory.h"
#include "commands.h"
#include "engine_flags.h"
#include "generation/measurement.h"
#include "progress.h"
#include "serving/batch_engine.h"

namespace marlin::app {
namespace {

/// One row of the result.
struct SpeedTest {
  std::string name;
  std::function<void(std::size_t n)> run;  // the first n tokens of it, of each stream
  std::size_t n_tokens = 0;
  std::size_t n_streams = 1;
  std::vector<double> rates = {};  // tokens per second, of all streams together

  void measure();
};

struct BenchCommand {
  EngineFlags engine_flags;
  std::int64_t n_prompt = 512;
  std::int64_t n_generate = 32;
  std::vector<std::int64_t> depths = {0};
  std::vector<std::int64_t> streams = {};
  int repetitions = 5;
  bool json = false;

  void operator()();

 private:
  [[nodiscard]] std::int64_t needed_context() const;
  void add_session_tests(Session& session, std::int64_t depth);
  void add_stream_tests(BatchEngine& engine, std::int64_t depth);
  void add_test(SpeedTest test, std::size_t n_warm_up);
  [[nodiscard]] GenerationOptions greedy(std::size_t n) const;

  std::vector<std::int32_t> prompt_;   // random; so is
  std::vector<std::int32_t> context_;  // what the cache holds, then a token to generate from
  std::vector<SpeedTest> tests_;
};

void SpeedTest::measure() {
  const auto start = std::chrono::steady_clock::now();
  run(n_tokens);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  rates.push_back(static_cast<double>(n_tokens * n_streams) / seconds.count());
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

/// Runs a generation for each prompt, all at a time, to the end.
void generate_together(BatchEngine& engine, std::span<const std::vector<std::int32_t>> prompts,
                       const GenerationOptions& options) {
  std::latch all_over(static_cast<std::ptrdiff_t>(prompts.size()));
  std::optional<Error> failure;  // written by the engine's thread alone
  for (const std::vector<std::int32_t>& prompt : prompts) {
    engine.submit({.prompt = prompt, .options = options, .priority = 0}, [&](const BatchUpdate& update) {
      if (update.error != nullptr) failure = *update.error;
      if (update.error != nullptr || update.finished) all_over.count_down();
    });
  }
  all_over.wait();
  if (failure) throw *failure;
}

std::string at_depth(std::int64_t depth) { return depth == 0 ? "" : fmt::format(" @ d{}", depth); }

/// The context that the tests need. Errors: kInvalidArgument for options out of range.
std::int64_t BenchCommand::needed_context() const {
  const auto [least_depth, most_depth] = std::minmax_element(depths.begin(), depths.end());
  if (n_prompt < 0 || n_generate < 0 || n_prompt + n_generate == 0 || *least_depth < 0 || repetitions < 1) {
    fail(ErrorCode::kInvalidArgument,
         "--prompt and --generate must not be negative nor both 0, --depth not negative, --repetitions at least 1");
  }
  return *most_depth + std::max(n_prompt, n_generate + 1);  // generation starts from one token
}

GenerationOptions BenchCommand::greedy(std::size_t n) const {
  return {.sampling = {.temperature = 0.0}, .max_tokens = static_cast<std::int64_t>(n), .ignore_eos = true};
}

void BenchCommand::add_test(SpeedTest test, std::size_t n_warm_up) {
  test.run(std::min(test.n_tokens, n_warm_up));
  tests_.push_back(std::move(test));
}

void BenchCommand::add_session_tests(Session& session, std::int64_t depth) {
  const auto held = std::span(context_).first(static_cast<std::size_t>(depth) + 1);
  if (n_prompt > 0) {
    const auto append = [this, &session, depth](std::size_t n) {
      session.truncate(depth);
      session.append(std::span(prompt_).first(n));
      static_cast<void>(session.logits());  // waits
    };
    add_test({fmt::format("pp{}{}", n_prompt, at_depth(depth)), append, static_cast<std::size_t>(n_prompt)}, 64);
  }
  if (n_generate > 0) {
    const auto generate = [this, &session, depth, held](std::size_t n) {
      session.truncate(depth);
      session.generate_tokens(held, greedy(n));
    };
    add_test({fmt::format("tg{}{}", n_generate, at_depth(depth)), generate, static_cast<std::size_t>(n_generate)}, 2);
  }
}

/// Streams that differ in their last token; what is before it, the warm-up leaves in the cache.
void BenchCommand::add_stream_tests(BatchEngine& engine, std::int64_t depth) {
  for (const std::int64_t n_streams : streams) {
    std::vector<std::vector<std::int32_t>> prompts;
    for (std::int64_t i = 0; i < n_streams; ++i) {
      prompts.emplace_back(context_.begin(), context_.begin() + depth);
      prompts.back().push_back(prompt_[static_cast<std::size_t>(i) % prompt_.size()]);
    }
    const auto generate = [this, &engine, prompts](std::size_t n) { generate_together(engine, prompts, greedy(n)); };
    add_test({fmt::format("tg{}{} x {}", n_generate, at_depth(depth), n_streams), generate,
              static_cast<std::size_t>(n_generate), static_cast<std::size_t>(n_streams)},
             2);
  }
}

void BenchCommand::operator()() {
  const std::int64_t most_depth = *std::max_element(depths.begin(), depths.end());
  engine_flags.require_context(needed_context());
  const std::unique_ptr<Engine> engine = engine_flags.load();
  prompt_ = random_tokens(std::max(n_prompt, n_generate), engine->info().vocab_size);
  context_ = random_tokens(most_depth + 1, engine->info().vocab_size);
  ProgressBar bar;
  std::vector<std::unique_ptr<Session>> sessions;  // one for each depth, so that they can be measured in turns
  for (const std::int64_t depth : depths) {
    sessions.push_back(engine->new_session());
    fill(*sessions.back(), std::span(context_).first(static_cast<std::size_t>(depth)), bar);
    add_session_tests(*sessions.back(), depth);
  }
  std::optional<BatchEngine> batch_engine;
  if (!streams.empty() && n_generate > 0) {
    const std::int64_t most_streams = *std::max_element(streams.begin(), streams.end());
    batch_engine.emplace(engine->loaded_model(),
                         BatchEngineOptions{.batch = {.max_batch_size = most_streams,
                                                      .max_batch_tokens = std::max<std::int64_t>(512, most_streams)}});
    for (const std::int64_t depth : depths) add_stream_tests(*batch_engine, depth);
  }
  for (int i = 0; i < repetitions; ++i) {
    for (SpeedTest& test : tests_) {
      bar.update(test.name, static_cast<double>(i) / repetitions);
      test.measure();
    }
  }
  bar.clear();
  json ? print_json(engine->info(), tests_) : print_table(engine->info(), tests_);
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
  command
      ->add_option("--streams", bench->streams,
                   "Measure also so many generations at a time, as the server runs them; several with commas")
      ->delimiter(',')
      ->check(CLI::Range(1, 512));
  command->add_option("-r,--repetitions", bench->repetitions, "Times each test is run")->capture_default_str();
  command->add_flag("--json", bench->json, "Print a JSON array");
  add_bench_dispatch_command(*command);
  command->callback([bench, command] {  // called after a subcommand, too
    if (command->get_subcommands().empty()) (*bench)();
  });
}

}  // namespace marlin::app
