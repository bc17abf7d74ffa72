// SPDX-License-Identifier: Apache-2.0
// metal-marlin serve: the engine behind the OpenAI API, for many clients at a time.
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "commands.h"
#include "engine_flags.h"
#include "serving/api/api_error.h"
#include "serving/api/api_routes.h"
#include "serving/http/http_server.h"

namespace marlin::app {
namespace {

struct ServeCommand {
  EngineFlags engine_flags;
  http::ServerOptions server;
  BatchEngineOptions batch;
  std::string alias;
  std::string api_key_file;
  int drain_seconds = 30;

  void operator()();
  void read_api_keys();
};

/// One key a line; empty lines and those that begin with # are passed over.
void ServeCommand::read_api_keys() {
  if (api_key_file.empty()) return;
  std::ifstream file(api_key_file);
  if (!file) fail(ErrorCode::kInvalidArgument, "--api-key-file: cannot read {}", api_key_file);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.front() != '#') server.api_keys.push_back(line);
  }
  if (server.api_keys.empty()) fail(ErrorCode::kInvalidArgument, "--api-key-file: {} holds no key", api_key_file);
}

/// SIGINT and SIGTERM, which this thread and those it starts do not receive otherwise.
sigset_t block_end_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void wait_for(const sigset_t& signals) {
  int signal = 0;
  sigwait(&signals, &signal);
}

void ServeCommand::operator()() {
  read_api_keys();
  const sigset_t signals = block_end_signals();
  const std::unique_ptr<Engine> engine = engine_flags.load();
  const std::string name =
      !alias.empty() ? alias : std::filesystem::path(engine->info().model).lexically_normal().filename().string();
  api::ServedModel model(engine->loaded_model(), batch, name);
  server.format_error = [](const http::ErrorInfo& error) {
    return api::error_response(
        {.status = error.status, .message = std::string(error.message), .code = std::string(error.code)});
  };
  server.on_error = [](std::string_view text) { spdlog::warn("{}", text); };
  http::HttpServer http(server, api::make_router(model));
  http.start();
  fmt::print(stderr, "{} is served on http://{}:{}/v1 (Ctrl-C ends it)\n", name, server.host, http.port());
  wait_for(signals);
  fmt::print(stderr, "finishing {} connections; a second Ctrl-C ends them\n", http.open_connections());
  std::thread impatience([&] {
    wait_for(signals);
    std::_Exit(130);
  });
  impatience.detach();
  http.drain(std::chrono::seconds(drain_seconds));
}

}  // namespace

void add_serve_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("serve", "Serve the model to many clients with the OpenAI API");
  const auto serve = std::make_shared<ServeCommand>();
  serve->engine_flags.add_to(*command);
  command->add_option("--host", serve->server.host, "Address to listen on")->capture_default_str();
  command->add_option("--port", serve->server.port, "Port to listen on (0 = any that is free)")->capture_default_str();
  command->add_option("-a,--alias", serve->alias, "Name of the model for clients")->default_str("its directory's");
  command->add_option("--api-key", serve->server.api_keys, "Key that clients must send; may be given several times");
  command->add_option("--api-key-file", serve->api_key_file, "File with a key on each line");
  command->add_option("--cors-origin", serve->server.allowed_origins,
                      "Web page origin that may use the server (\"*\" = any); may be given several times");
  command->add_option("--max-batch-size", serve->batch.batch.max_batch_size, "Sequences that run at a time")
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  command
      ->add_option("--max-batch-tokens", serve->batch.batch.max_batch_tokens,
                   "Most tokens of a pass: those being generated, and as much of prompts as fits")
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  command
      ->add_option("--num-kv-blocks", serve->batch.n_blocks,
                   "Blocks of the key-value cache (0 = for max-batch-size sequences of the whole context)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--block-size", serve->batch.block_tokens, "Tokens of a block of the key-value cache")
      ->check(CLI::IsMember({8, 16, 32, 64, 128, 256}))
      ->capture_default_str();
  command->add_option("--max-queue", serve->batch.max_queue, "Requests that may wait; more are told 503")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--shutdown-timeout", serve->drain_seconds, "Seconds that running requests get at the end")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->callback([serve] { (*serve)(); });
}

}  // namespace marlin::app
