// SPDX-License-Identifier: Apache-2.0
#include "engine_flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "progress.h"

namespace marlin::app {

namespace {

double mib(std::size_t bytes) { return static_cast<double>(bytes) / (1024.0 * 1024.0); }

/// One line for a person at a terminal.
void print_summary(const EngineInfo& info) {
  fmt::print(stderr, "{} on {} ({}): weights {:.0f} MiB, KV cache {:.0f} MiB for {} tokens, workspace {:.0f} MiB\n",
             info.architecture, info.backend, info.device, mib(info.memory.weights), mib(info.memory.kv_cache),
             info.context_tokens, mib(info.memory.workspace));
}

void print_memory_plan(const EngineInfo& info) {
  fmt::print(stderr, "model      {} ({}), loaded in {:.2f} s\n", info.model, info.architecture, info.load_seconds);
  fmt::print(stderr, "device     {}: {}\n", info.backend, info.device);
  fmt::print(stderr, "weights    {:>10.1f} MiB\n", mib(info.memory.weights));
  fmt::print(stderr, "KV cache   {:>10.1f} MiB for {} tokens\n", mib(info.memory.kv_cache), info.context_tokens);
  fmt::print(stderr, "workspace  {:>10.1f} MiB\n", mib(info.memory.workspace));
  fmt::print(stderr, "total      {:>10.1f} MiB\n", mib(info.memory.total()));
}

}  // namespace

std::string demo_model_path() {
  if (const char* path = std::getenv("METAL_MARLIN_DEMO_MODEL")) return path;
  return MARLIN_DEMO_MODEL;
}

void EngineFlags::add_to(CLI::App& command) {
  options.model = demo_model_path();
  command.add_option("-m,--model", options.model, "Model directory (HuggingFace layout, EXL3 or plain weights)")
      ->type_name("DIR")
      ->default_str("the bundled demo model");
  command.add_option("--backend", options.backend, "Where to compute: auto, cpu")->capture_default_str();
  command.add_option("-t,--threads", options.n_threads, "Threads of the cpu backend (0 = one per processor)")
      ->capture_default_str();
  command
      .add_option("-c,--ctx-size", options.context_tokens,
                  fmt::format("Context in tokens (0 = the model's own, at most {})", kDefaultContextTokens))
      ->capture_default_str();
  command
      .add_option("--cache-type", options.cache_type,
                  "Key-value cache: f16, f32 at twice the memory, or int8 (also called q8_0) at about half")
      ->capture_default_str();
  command.add_flag("-v,--verbose", verbose,
                   "Say what is loaded, where memory goes, which options and which kernels are used");
  add_execution_to(command);
}

void EngineFlags::add_execution_to(CLI::App& command) {
  constexpr const char* kGroup = "Execution (changes speed, never results)";
  command
      .add_option("--layers-per-commit", options.execution.layers_per_commit,
                  "Layers handed to the device in one command buffer")
      ->type_name("N")
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--max-in-flight", options.execution.max_in_flight, "Command buffers with the device at a time")
      ->type_name("N")
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_option_function<std::string>(
          "--dispatch",
          [this](const std::string& name) {
            options.execution.dispatch =
                name == "sequential" ? DispatchStrategy::kSequential : DispatchStrategy::kBatched;
          },
          "batched: all experts of a layer in one launch per phase; sequential: expert by expert and layer by layer, "
          "to compare with")
      ->check(CLI::IsMember({"batched", "sequential"}))
      ->default_str("batched")
      ->group(kGroup);
  command
      .add_flag("--check-finite", options.check_finite,
                "Fail where a NaN or infinity first appears, naming layer and stage; slower")
      ->group(kGroup);
  command
      .add_option("--trace", options.trace,
                  "Write a Chrome trace of everything the device does, when the program ends; look at it in "
                  "ui.perfetto.dev")
      ->type_name("FILE")
      ->group(kGroup);
}

void EngineFlags::add_synthetic_to(CLI::App& command) {
  command.add_option("--synthetic", options.synthetic,
                     "Random weights of a published geometry instead of a model: glm-4.7-flash, qwen3-30b-a3b, "
                     "tiny-moe, narrow-glm-4.7-flash");
  command.add_option("--bits", options.synthetic_bits, "Bits per weight of --synthetic")->capture_default_str();
}

void EngineFlags::require_context(std::int64_t n_tokens) {
  if (options.context_tokens == 0) options.context_tokens = n_tokens;
  if (options.context_tokens > 0 && options.context_tokens < n_tokens) {
    fail(ErrorCode::kInvalidArgument, "--ctx-size {} is too small: this measures up to {} tokens",
         options.context_tokens, n_tokens);
  }
}

std::unique_ptr<Engine> EngineFlags::load() const {
  init_logging(verbose);
  ProgressBar bar;
  EngineOptions with_progress = options;
  with_progress.progress = [&bar](std::string_view stage, double fraction) { bar.update(stage, fraction); };
  std::unique_ptr<Engine> engine = Engine::load(with_progress);
  bar.clear();
  if (verbose) {
    print_memory_plan(engine->info());
  } else if (isatty(STDERR_FILENO) != 0) {
    print_summary(engine->info());
  }
  return engine;
}

}  // namespace marlin::app
