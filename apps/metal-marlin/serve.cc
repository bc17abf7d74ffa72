// SPDX-License-Identifier: Apache-2.0
// metal-marlin serve: the engine behind the OpenAI API, for many clients at a time.
#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <semaphore>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "commands.h"
#include "engine_flags.h"
#include "server_log.h"
#include "serving/api/api_error.h"
#include "serving/api/api_routes.h"
#include "serving/http/http_server.h"
#include "serving/web/web_page.h"

namespace marlin::app {
namespace {

struct ServeCommand {
  EngineFlags engine_flags;
  http::ServerOptions server;
  BatchEngineOptions batch;
  std::string alias;
  std::string api_key_file;
  int drain_seconds = 30;
  std::uint64_t kv_bytes = 0;
  bool batching = true;
  LogFormat log_format = LogFormat::kText;
  bool access_log = true;

  void operator()();
  void read_api_keys();
  void size_cache(const LoadedModel& loaded);
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

/// SIGINT and SIGTERM: the first ends the server when its requests are done, or at once while the model is being
/// loaded; the second at once. Threads that are started after this do not receive them.
class EndSignals {
 public:
  EndSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    std::thread([this] {
      wait();
      if (!loaded_) std::_Exit(kInterrupted);
      first_.release();
      wait();
      std::_Exit(kInterrupted);
    }).detach();
  }

  /// From now on the first signal is waited for.
  void set_loaded() { loaded_ = true; }

  void wait_for_first() { first_.acquire(); }

 private:
  static constexpr int kInterrupted = 130;

  void wait() const {
    int signal = 0;
    sigwait(&signals_, &signal);
  }

  sigset_t signals_;
  std::atomic<bool> loaded_ = false;
  std::binary_semaphore first_{0};
};

/// The blocks that fit into --kv-memory.
void ServeCommand::size_cache(const LoadedModel& loaded) {
  if (!batching) batch.batch.max_batch_size = 1;
  if (kv_bytes == 0) return;
  const std::size_t block_bytes = KvCache::bytes_per_token(loaded.model->config(), loaded.cache_format) *
                                  static_cast<std::size_t>(batch.block_tokens);
  batch.n_blocks = static_cast<std::int64_t>(kv_bytes / block_bytes);
  if (batch.n_blocks == 0) {
    fail(ErrorCode::kInvalidArgument, "--kv-memory: one block of the cache takes {} bytes", block_bytes);
  }
}

void ServeCommand::operator()() {
  read_api_keys();
  init_logging(engine_flags.verbose);
  const ServerLog log(log_format, access_log);
  static EndSignals signals;  // its thread never ends
  log.attach(server);
  server.format_error = api::refusal;
  // The server is stopped before what its handlers use is destroyed.
  std::unique_ptr<Engine> engine;
  std::optional<api::ServedModel> model;
  api::ModelSlot slot;
  http::Router router = api::make_router(slot);
  web::add_web_page(router);
  http::HttpServer http(server, std::move(router));
  http.start();
  engine = engine_flags.load();
  size_cache(engine->loaded_model());
  const std::string name =
      !alias.empty() ? alias : std::filesystem::path(engine->info().model).lexically_normal().filename().string();
  slot.set(model.emplace(engine->loaded_model(), batch, name));
  signals.set_loaded();
  log.info(fmt::format("{} is served on http://{}:{} (a page to chat with it, and the API under /v1; Ctrl-C ends it)",
                       name, server.host, http.port()));
  log.info(fmt::format("up to {} requests at a time share {} tokens of cache", batch.batch.max_batch_size,
                       model->engine().cache_tokens()));
  signals.wait_for_first();
  log.info(fmt::format("finishing {} connections; a second Ctrl-C ends them", http.open_connections()));
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
                      "Origin of other web pages that may use the server (\"*\" = any); may be given several times");
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
  command
      ->add_option("--kv-memory", serve->kv_bytes,
                   "Memory for the key-value cache, as 8G or 512M, instead of --num-kv-blocks")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->excludes("--num-kv-blocks");
  command->add_option("--block-size", serve->batch.block_tokens, "Tokens of a block of the key-value cache")
      ->check(CLI::IsMember({8, 16, 32, 64, 128, 256}))
      ->capture_default_str();
  command->add_option("--max-queue", serve->batch.max_queue, "Requests that may wait; more are told 503")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_flag("--enable-batching,!--no-enable-batching", serve->batching,
                    "Run requests together; without it, one after the other (on unless switched off)");
  command->add_flag("!--no-access-log", serve->access_log, "Do not write a line for each request");
  command->add_flag_callback(
      "--log-json", [serve] { serve->log_format = LogFormat::kJson; }, "Write the log as JSON, one object a line");
  command->add_option("--shutdown-timeout", serve->drain_seconds, "Seconds that running requests get at the end")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->callback([serve] { (*serve)(); });
}

}  // namespace marlin::app
