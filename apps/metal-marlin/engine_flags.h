// SPDX-License-Identifier: Apache-2.0
// Options that every subcommand with a model shares, and loading with a progress bar.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "metal_marlin/engine.h"

namespace marlin::app {

/// Directory of the bundled model: $METAL_MARLIN_DEMO_MODEL, else where it was built, else beside the program.
std::string demo_model_path();

struct EngineFlags {
  EngineOptions options;
  bool verbose = false;

  /// -m/--model, --backend, -t/--threads, -c/--ctx-size, --verbose.
  void add_to(CLI::App& command);

  /// Loads the model; shows progress on a terminal when it takes long, and with --verbose the memory plan.
  [[nodiscard]] std::unique_ptr<Engine> load() const;
};

/// Prints one line per part of the memory plan to stderr.
void print_memory_plan(const EngineInfo& info);

}  // namespace marlin::app
