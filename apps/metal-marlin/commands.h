// SPDX-License-Identifier: Apache-2.0
// The subcommands. Each adds itself, with its options, to the command line; CLI11 calls it back.
#pragma once

#include <CLI/CLI.hpp>

namespace marlin::app {

void add_run_command(CLI::App& app);
void add_chat_command(CLI::App& app);
void add_serve_command(CLI::App& app);
void add_serve_bench_command(CLI::App& app);
void add_inspect_command(CLI::App& app);
void add_tokenize_command(CLI::App& app);
void add_template_command(CLI::App& app);
void add_perplexity_command(CLI::App& app);
void add_bench_command(CLI::App& app);
void add_bench_dispatch_command(CLI::App& bench);
void add_profile_command(CLI::App& app);
void add_select_command(CLI::App& app);

}  // namespace marlin::app
