// SPDX-License-Identifier: Apache-2.0
// metal-marlin profile: where the time of a forward pass goes, by stage, layer and kernel, and how near it comes to the
// bandwidth of memory. The engine measures; this prints.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "commands.h"
#include "engine_flags.h"

namespace marlin::app {
namespace {

using StageTimes = std::array<double, kProfileStages.size()>;

/// Columns of the table of layers, as indices of kProfileStages; the other stages belong to no layer.
constexpr std::array<std::size_t, 5> kLayerStages = {2, 3, 4, 5, 1};
static_assert(kProfileStages[2] == "attention" && kProfileStages[3] == "router" && kProfileStages[4] == "experts" &&
              kProfileStages[5] == "shared expert" && kProfileStages[1] == "norms");

struct ProfileCommand {
  EngineFlags engine_flags;
  ProfileOptions options;
  bool layers = false;
  bool json = false;

  void operator()();
};

double sum(const StageTimes& times) { return std::accumulate(times.begin(), times.end(), 0.0); }

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

/// Bytes per second at which a pass went through its weights.
double weight_bandwidth(const PassProfile& pass) { return share(pass.weight_bytes, pass.total_ms * 1e-3); }

std::string bar(double filled_share, bool blocks) {
  constexpr int kWidth = 30;
  const int filled = std::clamp(static_cast<int>(std::lround(filled_share * kWidth)), 0, kWidth);
  std::string text;
  for (int i = 0; i < kWidth; ++i) text += i < filled ? (blocks ? "█" : "#") : (blocks ? "░" : ".");
  return text;
}

void print_header(const EngineInfo& info) {
  fmt::print("model    {}\n", info.model);
  fmt::print("backend  {}\n", info.backend);
  fmt::print("device   {}\n", info.device);
  fmt::print("threads  {}\n", info.n_threads);
  fmt::print("version  {}\n", MARLIN_VERSION);
}

void print_stages(const PassProfile& pass, bool blocks) {
  const double stages_ms = sum(pass.stage_ms);
  fmt::print("\n{:<14} {:>10} {:>7}\n", "stage", "ms", "share");
  for (std::size_t i = 0; i < kProfileStages.size(); ++i) {
    const double part = share(pass.stage_ms[i], stages_ms);
    fmt::print("{:<14} {:>10.3f} {:>6.1f}%  {}\n", kProfileStages[i], pass.stage_ms[i], part * 100, bar(part, blocks));
  }
  fmt::print("{:<14} {:>10.3f}  (each stage in a command buffer of its own, hence not quite the total)\n", "sum",
             stages_ms);
}

void print_layers(const PassProfile& pass) {
  fmt::print("\n{:<6}", "layer");
  for (const std::size_t stage : kLayerStages) fmt::print(" {:>13}", kProfileStages[stage]);
  fmt::print(" {:>13}\n", "total ms");
  for (std::size_t i = 0; i < pass.layer_ms.size(); ++i) {
    fmt::print("{:<6}", i);
    for (const std::size_t stage : kLayerStages) fmt::print(" {:>13.3f}", pass.layer_ms[i][stage]);
    fmt::print(" {:>13.3f}\n", sum(pass.layer_ms[i]));
  }
}

void print_kernels(const PassProfile& pass) {
  double total = 0;
  for (const KernelProfile& kernel : pass.kernels) total += kernel.ms;
  fmt::print("\n{:<28} {:>8} {:>10} {:>7}\n", "kernel", "launches", "ms", "share");
  for (const KernelProfile& kernel : pass.kernels) {
    fmt::print("{:<28} {:>8.0f} {:>10.3f} {:>6.1f}%\n", kernel.name, kernel.launches, kernel.ms,
               share(kernel.ms, total) * 100);
  }
  fmt::print("{:<28} {:>8} {:>10.3f}  (each launch in a command buffer of its own)\n", "sum", "", total);
}

void print_totals(const PassProfile& pass, double copy_bandwidth) {
  const double bandwidth = weight_bandwidth(pass);
  fmt::print("\ntotal     {:.3f} ms on the device per pass, as it normally runs\n", pass.total_ms);
  fmt::print("encode    {:.3f} ms on the host\n", pass.encode_ms);
  fmt::print("commits   {:.0f} per pass, {:.0f} dispatches, {:.0f} waits\n", pass.commits, pass.dispatches, pass.waits);
  fmt::print("weights   {:.1f} MB must be read, at {:.2f} GB/s: {:.1f}% of the {:.2f} GB/s of a plain copy\n",
             pass.weight_bytes * 1e-6, bandwidth * 1e-9, share(bandwidth, copy_bandwidth) * 100, copy_bandwidth * 1e-9);
}

void print_text(const EngineInfo& info, const Profile& profile, bool layers) {
  const bool blocks = isatty(STDOUT_FILENO) != 0;
  print_header(info);
  for (const PassProfile& pass : profile.passes) {
    fmt::print("\n== {} ({} {})\n", pass.name, pass.n_rows, pass.n_rows == 1 ? "row" : "rows");
    print_stages(pass, blocks);
    print_kernels(pass);
    if (layers) print_layers(pass);
    print_totals(pass, profile.copy_bandwidth);
  }
}

std::string key(std::string_view stage) {
  std::string text(stage);
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

boost::json::object to_json(const PassProfile& pass) {
  boost::json::object stages;
  for (std::size_t i = 0; i < kProfileStages.size(); ++i) stages[key(kProfileStages[i])] = pass.stage_ms[i];
  boost::json::array layers;
  for (const StageTimes& times : pass.layer_ms) {
    boost::json::object layer;
    for (const std::size_t stage : kLayerStages) layer[key(kProfileStages[stage])] = times[stage];
    layer["total"] = sum(times);
    layers.push_back(std::move(layer));
  }
  boost::json::array kernels;
  for (const KernelProfile& kernel : pass.kernels) {
    kernels.push_back({{"name", kernel.name}, {"launches", kernel.launches}, {"ms", kernel.ms}});
  }
  return {{"name", pass.name},
          {"rows", pass.n_rows},
          {"total_ms", pass.total_ms},
          {"encode_ms", pass.encode_ms},
          {"stages_ms", std::move(stages)},
          {"layers_ms", std::move(layers)},
          {"kernels", std::move(kernels)},
          {"commits", pass.commits},
          {"dispatches", pass.dispatches},
          {"waits", pass.waits},
          {"weight_bytes", pass.weight_bytes}};
}

void print_json(const EngineInfo& info, const Profile& profile, int iterations) {
  boost::json::array passes;
  for (const PassProfile& pass : profile.passes) passes.push_back(to_json(pass));
  const boost::json::object object{{"model", info.model},
                                   {"backend", info.backend},
                                   {"device", info.device},
                                   {"threads", info.n_threads},
                                   {"version", MARLIN_VERSION},
                                   {"iterations", iterations},
                                   {"copy_bandwidth", profile.copy_bandwidth},
                                   {"passes", std::move(passes)}};
  fmt::print("{}\n", boost::json::serialize(object));
}

void ProfileCommand::operator()() {
  if (options.prompt_tokens >= 0 && options.decode_context >= 0) {  // the engine refuses the rest
    engine_flags.require_context(std::max(options.prompt_tokens, options.decode_context + 1));
  }
  const std::unique_ptr<Engine> engine = engine_flags.load();
  const Profile profile = engine->profile(options);
  if (json) {
    print_json(engine->info(), profile, options.iterations);
  } else {
    print_text(engine->info(), profile, layers);
  }
}

}  // namespace

void add_profile_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("profile", "Measure where the time of a pass goes, by stage, layer and kernel");
  command->footer(
      "One prompt pass and one decoding pass are measured three times over: as they normally run, for the totals; "
      "with\n"
      "every stage of every layer, and with every launch of a kernel, in a command buffer of its own, for the shares.\n"
      "Medians over the iterations.");
  const auto profile = std::make_shared<ProfileCommand>();
  profile->engine_flags.add_to(*command);
  profile->engine_flags.add_synthetic_to(*command);
  command->remove_option(command->get_option("--trace"));  // the profiler's passes are not the engine's own
  command->add_option("-p,--prompt", profile->options.prompt_tokens, "Rows of the prompt pass, at most 512 (0 = none)")
      ->capture_default_str();
  command->add_option("--context", profile->options.decode_context, "Tokens in the cache when decoding")
      ->capture_default_str();
  command->add_option("--warm-up", profile->options.warm_up, "Passes of each kind before measuring")
      ->capture_default_str();
  command->add_option("-i,--iterations", profile->options.iterations, "Passes of each kind measured")
      ->capture_default_str();
  command->add_flag("--layers", profile->layers, "Print a line for every layer, too");
  command->add_flag("--json", profile->json, "Print one JSON object, layers included");
  command->callback([profile] { (*profile)(); });
}

}  // namespace marlin::app
