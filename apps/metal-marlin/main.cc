// SPDX-License-Identifier: Apache-2.0
// The program: parses the command line, runs one subcommand (each in its own file), turns errors into one line and an
// exit status (1 = failed, 2 = wrong usage).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "commands.h"
#include "metal_marlin/error.h"

namespace marlin::app {
namespace {

constexpr const char* kDescription =
    "metal-marlin runs Mixture-of-Experts language models with trellis-quantised (EXL3) weights.\n"
    "\n"
    "  metal-marlin run \"Tell me a story about a fox and a lamp.\"\n"
    "  metal-marlin chat -m ~/models/GLM-4.7-Flash-exl3\n"
    "  metal-marlin serve -m ~/models/GLM-4.7-Flash-exl3 --port 8080\n"
    "  metal-marlin bench --synthetic glm-4.7-flash --bits 3\n"
    "\n"
    "Without --model, the small demo model that comes with the program is used.\n"
    "metal-marlin COMMAND --help explains a command.";

int run(int argc, char** argv) {
  CLI::App app(kDescription, "metal-marlin");
  app.set_version_flag("--version", MARLIN_VERSION);
  app.require_subcommand(1);
  add_run_command(app);
  add_chat_command(app);
  add_serve_command(app);
  add_serve_bench_command(app);
  add_inspect_command(app);
  add_tokenize_command(app);
  add_template_command(app);
  add_perplexity_command(app);
  add_bench_command(app);
  add_profile_command(app);
  add_select_command(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : 2;
  }
  return 0;
}

}  // namespace
}  // namespace marlin::app

int main(int argc, char** argv) {
  try {
    return marlin::app::run(argc, argv);
  } catch (const marlin::Error& error) {
    fmt::print(stderr, "metal-marlin: error: {}\n", error.what());
    return error.code() == marlin::ErrorCode::kInvalidArgument ? 2 : 1;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "metal-marlin: error: out of memory\n");
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "metal-marlin: error: {}\n", error.what());
    return 1;
  }
}
