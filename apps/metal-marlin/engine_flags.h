// SPDX-License-Identifier: Apache-2.0
// Options that every subcommand with a model shares, and loading with a progress bar.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "metal_marlin/engine.h"

namespace marlin::app {

/// Directory of the bundled model: $METAL_MARLIN_DEMO_MODEL, else that of the sources this was built from.
std::string demo_model_path();

struct EngineFlags {
  EngineOptions options;
  bool verbose = false;

  /// -m/--model, --backend, -t/--threads, -c/--ctx-size, --verbose.
  void add_to(CLI::App& command);

  /// Loads the model; shows progress on a terminal when it takes long, then where memory goes: in one
  /// line on a terminal, in full with --verbose.
  [[nodiscard]] std::unique_ptr<Engine> load() const;
};

}  // namespace marlin::app
