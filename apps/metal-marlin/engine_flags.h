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

  /// -m/--model, --backend, -t/--threads, -c/--ctx-size, --verbose, and how passes are executed.
  void add_to(CLI::App& command);

  /// --synthetic and --bits, for commands that do not need text.
  void add_synthetic_to(CLI::App& command);

  /// For commands that know how many tokens they hold: the context, unless the user chose one. Errors: kInvalidArgument
  /// when that is too small.
  void require_context(std::int64_t n_tokens);

  /// Loads the model; shows progress on a terminal when it takes long, then where memory goes: in one
  /// line on a terminal, in full with --verbose. Errors: kInvalidArgument naming the flag.
  [[nodiscard]] std::unique_ptr<Engine> load() const;

 private:
  void add_execution_to(CLI::App& command);
};

}  // namespace marlin::app
