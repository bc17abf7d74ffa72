// SPDX-License-Identifier: Apache-2.0
// metal-marlin perplexity: how well a model predicts a text. The text is tokenised whole (special tokens it spells are
// parsed, none are added); its first windows of 512 tokens each stand alone; all tokens of a window but the first are
// scored.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>

#include "base/error.h"
#include "commands.h"
#include "engine_flags.h"
#include "input.h"
#include "progress.h"

namespace marlin::app {
namespace {

struct PerplexityCommand {
  EngineFlags engine_flags;
  std::string file;
  std::int64_t window = 512;
  std::int64_t max_windows = 120;
  bool json = false;

  void operator()() const;
};

void PerplexityCommand::operator()() const {
  constexpr std::int64_t kLogitRows = 64;
  const std::unique_ptr<Engine> engine = engine_flags.load();
  if (window < 2 || window > engine->info().context_tokens) {
    fail(ErrorCode::kInvalidArgument, "--window must be between 2 and the context of {}, got {}",
         engine->info().context_tokens, window);
  }
  const std::vector<std::int32_t> ids = engine->encode(read_file(file), /*parse_special=*/true, /*add_bos=*/false);
  const std::int64_t n_windows = std::min(static_cast<std::int64_t>(ids.size()) / window, max_windows);
  if (n_windows < 1) {
    fail(ErrorCode::kInvalidArgument, "{} has {} tokens, less than one window of {}; use a longer text or --window",
         file, ids.size(), window);
  }
  const std::unique_ptr<Session> session = engine->new_session(kLogitRows);
  ProgressBar bar;
  double sum = 0;
  std::int64_t n_scored = 0;
  for (std::int64_t i = 0; i < n_windows; ++i) {
    const auto tokens = std::span(ids).subspan(static_cast<std::size_t>(i * window), static_cast<std::size_t>(window));
    for (const double score : session->score(tokens)) {
      sum += score;
      ++n_scored;
    }
    bar.update("scoring", static_cast<double>(i + 1) / static_cast<double>(n_windows));
  }
  bar.clear();
  const double nll = -sum / static_cast<double>(n_scored);
  if (json) {
    const boost::json::object object{
        {"perplexity", std::exp(nll)}, {"nll", nll}, {"tokens_scored", n_scored}, {"window", window}};
    fmt::print("{}\n", boost::json::serialize(object));
  } else {
    fmt::print("perplexity {:.5f} (negative log likelihood {:.6f} over {} tokens in {} windows of {})\n", std::exp(nll),
               nll, n_scored, n_windows, window);
  }
}

}  // namespace

void add_perplexity_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("perplexity", "Measure how well a model predicts a text");
  const auto perplexity = std::make_shared<PerplexityCommand>();
  perplexity->engine_flags.add_to(*command);
  command->add_option("-f,--file", perplexity->file, "The text")->required()->type_name("FILE");
  command->add_option("--window", perplexity->window, "Tokens of one window")->capture_default_str();
  command->add_option("--windows", perplexity->max_windows, "Most windows to score")->capture_default_str();
  command->add_flag("--json", perplexity->json, "Print one JSON object");
  command->callback([perplexity] { (*perplexity)(); });
}

}  // namespace marlin::app
