// SPDX-License-Identifier: Apache-2.0
// metal-marlin serve-bench: puts a server of the OpenAI API under load and measures what its clients see, in the manner
// of vllm bench serve. Needs no model; the server may be any.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <memory>
#include <random>

#include "base/error.h"
#include "commands.h"
#include "progress.h"
#include "serving/load/load_run.h"

namespace marlin::app {
namespace {

struct ServeBenchCommand {
  load::LoadOptions options;
  std::string url = "http://127.0.0.1:8080/v1";
  std::string endpoint = "completions";
  std::string prompt_tokens = "128";
  std::string output_tokens = "128";
  std::optional<std::int64_t> n_requests;
  std::optional<std::int64_t> concurrency;
  std::optional<std::uint64_t> seed;
  std::int64_t timeout_seconds = 600;
  bool json = false;

  void operator()();
  void settle_options();
  [[nodiscard]] double fraction_done(const load::LoadProgress& progress) const;
  void print_table(const load::LoadReport& report) const;
  void print_json(const load::LoadReport& report) const;
};

/// "A" or "A:B".
load::TokenRange parse_range(const std::string& text, const char* flag) {
  load::TokenRange range;
  const char* const end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, range.min);
  range.max = range.min;
  if (parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == ':') {
    parsed = std::from_chars(parsed.ptr + 1, end, range.max);
  }
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    fail(ErrorCode::kInvalidArgument, "{} must be a number or a range, for example 128 or 64:512; got '{}'", flag,
         text);
  }
  return range;
}

void ServeBenchCommand::settle_options() {
  options.server = load::parse_server_url(url);
  options.endpoint = endpoint == "chat" ? load::Endpoint::kChat : load::Endpoint::kCompletions;
  options.shape.prompt_tokens = parse_range(prompt_tokens, "--prompt-tokens");
  options.shape.output_tokens = parse_range(output_tokens, "--output-tokens");
  // Another seed every time, or a server that remembers prompts would know those of the last run.
  options.shape.seed = seed ? *seed : std::random_device()();
  if (n_requests || options.duration_seconds > 0) options.n_requests = n_requests.value_or(0);
  if (concurrency || options.shape.rate) options.concurrency = concurrency.value_or(0);
  options.timeout = std::chrono::seconds(timeout_seconds);
}

double ServeBenchCommand::fraction_done(const load::LoadProgress& progress) const {
  double fraction = 0;
  if (options.n_requests > 0) {
    fraction = static_cast<double>(progress.n_done) / static_cast<double>(options.n_requests);
  }
  if (options.duration_seconds > 0) fraction = std::max(fraction, progress.seconds / options.duration_seconds);
  return std::min(fraction, 1.0);
}

double per_second(std::int64_t n, const load::LoadReport& report) {
  return report.duration_seconds > 0 ? static_cast<double>(n) / report.duration_seconds : 0;
}

void print_latency(const char* name, const load::LatencySummary& summary) {
  if (summary.count == 0) {
    fmt::print("| {} | - | - | - | - |\n", name);
    return;
  }
  fmt::print("| {} | {:.2f} | {:.2f} | {:.2f} | {:.2f} |\n", name, summary.mean * 1e3, summary.p50 * 1e3,
             summary.p95 * 1e3, summary.p99 * 1e3);
}

void print_notes(const load::LoadReport& report) {
  const double tokens_per_text =
      report.n_texts > 0 ? static_cast<double>(report.output_tokens) / static_cast<double>(report.n_texts) : 0;
  if (tokens_per_text > 1.05) {  // a few tokens are always without text of their own
    fmt::print("A chunk of text holds {:.2f} tokens on average: ITL is between chunks, TPOT for each token.\n",
               tokens_per_text);
  }
  if (report.n_without_usage > 0) {
    fmt::print("The server did not count the tokens of {} requests: taken are those planned, and one for each chunk.\n",
               report.n_without_usage);
  }
  for (const auto& [kind, count] : report.failures) {
    fmt::print("failed: {} x {}, for example: {}\n", count.n, kind, count.example);
  }
}

void ServeBenchCommand::print_table(const load::LoadReport& report) const {
  fmt::print("model                {} at {}\n", report.model, url);
  fmt::print("prompts              {}, {}{}, seed {}\n", prompt_tokens,
             report.has_id_prompts ? "as token ids" : "as words, about a token each",
             options.shape.shared_prefix > 0 ? fmt::format(", {} of each shared", options.shape.shared_prefix) : "",
             options.shape.seed);
  fmt::print("answers              up to {} tokens{}\n", output_tokens,
             report.ignore_eos ? ", end-of-sequence ignored" : "");
  fmt::print("requests             {} ok, {} failed, {} cancelled; at most {} at a time\n", report.n_ok,
             report.n_failed, report.n_cancelled, report.most_running);
  fmt::print("duration             {:.2f} s\n", report.duration_seconds);
  fmt::print("request throughput   {:.2f} /s\n", per_second(report.n_ok, report));
  fmt::print("input tokens         {:.1f} /s ({}, of these {} cached)\n", per_second(report.input_tokens, report),
             report.input_tokens, report.cached_tokens);
  fmt::print("output tokens        {:.1f} /s ({})\n\n", per_second(report.output_tokens, report), report.output_tokens);
  fmt::print("| ms | mean | p50 | p95 | p99 |\n|---|---|---|---|---|\n");
  print_latency("TTFT", report.time_to_first_token);
  print_latency("ITL", report.inter_token_latency);
  print_latency("TPOT", report.time_per_output_token);
  print_latency("E2E", report.end_to_end);
  print_notes(report);
}

boost::json::value latency_object(const load::LatencySummary& summary) {
  if (summary.count == 0) return nullptr;
  return boost::json::object{
      {"mean", summary.mean * 1e3}, {"p50", summary.p50 * 1e3}, {"p95", summary.p95 * 1e3}, {"p99", summary.p99 * 1e3}};
}

void ServeBenchCommand::print_json(const load::LoadReport& report) const {
  boost::json::array failures;
  for (const auto& [kind, count] : report.failures) {
    failures.push_back(boost::json::object{{"kind", kind}, {"count", count.n}, {"example", count.example}});
  }
  const boost::json::object result{
      {"url", url},
      {"endpoint", endpoint},
      {"model", report.model},
      {"prompt_tokens", prompt_tokens},
      {"prompts", report.has_id_prompts ? "ids" : "words"},
      {"output_tokens", output_tokens},
      {"ignore_eos", report.ignore_eos},
      {"shared_prefix", options.shape.shared_prefix},
      {"cancel_share", options.shape.cancel_share},
      {"seed", options.shape.seed},
      {"rate", options.shape.rate ? boost::json::value(*options.shape.rate) : boost::json::value(nullptr)},
      {"concurrency", options.concurrency > 0 ? boost::json::value(options.concurrency) : boost::json::value(nullptr)},
      {"most_running", report.most_running},
      {"requests_ok", report.n_ok},
      {"requests_failed", report.n_failed},
      {"requests_cancelled", report.n_cancelled},
      {"failures", failures},
      {"duration_seconds", report.duration_seconds},
      {"requests_per_second", per_second(report.n_ok, report)},
      {"total_input_tokens", report.input_tokens},
      {"total_cached_tokens", report.cached_tokens},
      {"total_output_tokens", report.output_tokens},
      {"total_chunks", report.n_texts},
      {"requests_without_usage", report.n_without_usage},
      {"input_tokens_per_second", per_second(report.input_tokens, report)},
      {"output_tokens_per_second", per_second(report.output_tokens, report)},
      {"ttft_ms", latency_object(report.time_to_first_token)},
      {"itl_ms", latency_object(report.inter_token_latency)},
      {"tpot_ms", latency_object(report.time_per_output_token)},
      {"e2e_ms", latency_object(report.end_to_end)},
      {"version", MARLIN_VERSION}};
  fmt::print("{}\n", boost::json::serialize(result));
}

void ServeBenchCommand::operator()() {
  settle_options();
  ProgressBar bar;
  const load::LoadReport report = load::run_load(options, [&](const load::LoadProgress& progress) {
    bar.update(fmt::format("{} done, {} running", progress.n_done, progress.n_running), fraction_done(progress));
  });
  bar.clear();
  json ? print_json(report) : print_table(report);
  std::fflush(stdout);
  if (report.n_failed > 0) {
    const std::int64_t n = report.n_ok + report.n_failed + report.n_cancelled;
    fail(ErrorCode::kNotFound, "{} of {} requests failed", report.n_failed, n);
  }
}

void add_load_options(CLI::App& command, ServeBenchCommand& bench) {
  load::LoadOptions& options = bench.options;
  command.add_option("--concurrency", bench.concurrency, "Most requests at a time (8; with --rate: no limit)")
      ->check(CLI::PositiveNumber);
  command.add_option("--rate", options.shape.rate,
                     "Clients that arrive in a second, at random (Poisson); without it they are all there at once");
  command.add_option("-n,--requests", bench.n_requests, "Requests (64; with --duration: no limit)")
      ->check(CLI::PositiveNumber);
  command.add_option("--duration", options.duration_seconds, "Seconds after which no more requests begin")
      ->check(CLI::PositiveNumber);
  command.add_option("--prompt-tokens", bench.prompt_tokens, "Tokens of a prompt; a range as 64:512 is drawn from")
      ->type_name("A[:B]")
      ->capture_default_str();
  command.add_option("--output-tokens", bench.output_tokens, "Tokens of an answer; a range as 64:512 is drawn from")
      ->type_name("A[:B]")
      ->capture_default_str();
  command
      .add_option("--shared-prefix", options.shape.shared_prefix,
                  "Share of each prompt that all have in common, 0 to 1")
      ->capture_default_str();
  command
      .add_option("--cancel-share", options.shape.cancel_share,
                  "Share of clients that leave at a random moment of their stream, 0 to 1")
      ->capture_default_str();
  command.add_option("-s,--seed", bench.seed, "Same seed, same prompts, lengths and arrivals")->default_str("random");
}

}  // namespace

void add_serve_bench_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("serve-bench", "Measure a server of the OpenAI API under load");
  const auto bench = std::make_shared<ServeBenchCommand>();
  command->add_option("url", bench->url, "Base of the server's API; plain http only")->capture_default_str();
  command->add_option("--endpoint", bench->endpoint, "completions: prompts as token ids where possible; or chat")
      ->check(CLI::IsMember({"completions", "chat"}))
      ->capture_default_str();
  command->add_option("--model", bench->options.model, "Model to ask for")->default_str("the first of /v1/models");
  command->add_option("--api-key", bench->options.api_key, "Key to send")->envname("OPENAI_API_KEY");
  add_load_options(*command, *bench);
  command->add_flag_function(
      "--ignore-eos,!--no-ignore-eos", [bench](std::int64_t count) { bench->options.ignore_eos = count > 0; },
      "Ask for answers of the full length; without either, if the server takes it");
  command->add_option("--timeout", bench->timeout_seconds, "Seconds that a request may take")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  command->add_flag("--json", bench->json, "Print one JSON object");
  command->callback([bench] { (*bench)(); });
}

}  // namespace marlin::app
