// SPDX-License-Identifier: Apache-2.0
#include "generation/loaded_model.h"

#include <algorithm>
#include <chrono>

#include "backends/registry.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "io/json.h"
#include "model/arch/architecture.h"
#include "model/synthetic.h"

namespace marlin {
namespace {

constexpr std::size_t kMaxTokenizerBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;

std::optional<boost::json::value> read_optional(const std::optional<std::filesystem::path>& path,
                                                std::size_t max_bytes) {
  if (!path) return std::nullopt;
  return read_json_file(*path, max_bytes);
}

boost::json::object read_tokenizer_config(const ModelDirectory& directory) {
  const auto& path = directory.tokenizer_config_path();
  if (!path) return {};
  boost::json::value config = read_json_file(*path, kMaxConfigBytes);
  if (!config.is_object()) fail(ErrorCode::kBadFile, "{} is not a JSON object", path->string());
  return std::move(config.as_object());
}

void load_text(LoadedModel& loaded) {
  const ModelDirectory& directory = *loaded.directory;
  if (const auto tokenizer = read_optional(directory.tokenizer_path(), kMaxTokenizerBytes)) {
    loaded.tokenizer.emplace(Tokenizer::from_json(*tokenizer, directory.tokenizer_path()->string()));
  }
  const boost::json::object tokenizer_config = read_tokenizer_config(directory);
  loaded.chat_template = directory.chat_template() ? ChatTemplate::from_source(*directory.chat_template(),
                                                                               "chat_template.jinja", tokenizer_config)
                                                   : ChatTemplate::from_tokenizer_config(tokenizer_config);
  const auto generation_config = read_optional(directory.generation_config_path(), kMaxConfigBytes);
  loaded.defaults = read_generation_defaults(generation_config ? &*generation_config : nullptr, &directory.config());
}

std::int64_t choose_context(std::int64_t requested, const ModelConfig& config) {
  if (requested < 0 || requested > config.max_positions) {
    fail(ErrorCode::kInvalidArgument, "--ctx-size must be between 1 and the model's {} (0 = default), got {}",
         config.max_positions, requested);
  }
  return requested > 0 ? requested : std::min(config.max_positions, kDefaultContextTokens);
}

abi::MatrixFormat parse_cache_type(std::string_view name) {
  if (name == "f16") return abi::MatrixFormat::kF16;
  if (name == "f32") return abi::MatrixFormat::kF32;
  if (name == "int8" || name == "q8_0") return abi::MatrixFormat::kInt8;
  fail(ErrorCode::kInvalidArgument, "--cache-type must be f16, f32 or int8 (also called q8_0), got '{}'", name);
}

/// Opens the tensors and returns the model's description.
ModelConfig open_tensors(LoadedModel& loaded, const EngineOptions& options) {
  if (!options.synthetic.empty()) {
    ModelConfig config = synthetic_geometry(options.synthetic);
    loaded.info.model = fmt::format("{} (synthetic, {} bits)", options.synthetic, options.synthetic_bits);
    loaded.tensors = make_synthetic_tensors(loaded.info.model, config, options.synthetic_bits, options.progress);
    return config;
  }
  loaded.directory.emplace(ModelDirectory::open(options.model));
  loaded.info.model = options.model;
  loaded.tensors = std::make_unique<DirectoryTensors>(*loaded.directory);
  return parse_model_config(loaded.directory->config());
}

/// Refuses what cannot fit before any of it is touched. Mapped weights are counted: they must be resident to be fast.
void check_fits(const EngineInfo& info) {
  const std::size_t available = physical_memory_bytes();
  if (available == 0 || info.memory.total() <= available) return;
  constexpr double kGib = 1024.0 * 1024.0 * 1024.0;
  fail(ErrorCode::kOutOfMemory,
       "{} needs {:.1f} GiB (weights {:.1f}, KV cache of {} tokens {:.1f}, workspace {:.1f}) and this machine has "
       "{:.1f} GiB; try a smaller --ctx-size or a model of fewer bits",
       info.model, static_cast<double>(info.memory.total()) / kGib, static_cast<double>(info.memory.weights) / kGib,
       info.context_tokens, static_cast<double>(info.memory.kv_cache) / kGib,
       static_cast<double>(info.memory.workspace) / kGib, static_cast<double>(available) / kGib);
}

void check(const ExecutionOptions& execution) {
  if (execution.layers_per_commit < 1) {
    fail(ErrorCode::kInvalidArgument, "--layers-per-commit must be at least 1, got {}", execution.layers_per_commit);
  }
  if (execution.max_in_flight < 1) {
    fail(ErrorCode::kInvalidArgument, "--max-in-flight must be at least 1, got {}", execution.max_in_flight);
  }
}

}  // namespace

const Tokenizer& LoadedModel::require_tokenizer() const {
  if (!tokenizer) fail(ErrorCode::kNotFound, "{} has no tokenizer.json; this command needs one", info.model);
  return *tokenizer;
}

RuntimeOptions runtime_options(const LoadedModel& loaded, const ExecutionOptions& execution) {
  check(execution);
  const bool sequential = execution.dispatch == DispatchStrategy::kSequential;
  RuntimeOptions options;
  options.commit.layers_per_commit = sequential ? 1 : execution.layers_per_commit;
  options.in_flight.max_in_flight = execution.max_in_flight;
  options.expert_dispatch = sequential ? ExpertDispatch::kSequential : ExpertDispatch::kBatched;
  options.check_finite = options.check_finite || loaded.check_finite;
  return options;
}

LoadedModel load_model(const EngineOptions& options, std::unique_ptr<Device> device) {
  const auto start = std::chrono::steady_clock::now();
  check(options.execution);
  LoadedModel loaded;
  loaded.cache_format = parse_cache_type(options.cache_type);
  loaded.execution = options.execution;
  loaded.check_finite = options.check_finite;
  loaded.instruments = std::make_unique<Instruments>(trace_batches_requested() ? stderr : nullptr);
  loaded.device = device ? std::move(device) : create_device(options.backend, {.n_threads = options.n_threads});
  const ModelConfig config = open_tensors(loaded, options);
  if (loaded.directory) load_text(loaded);

  EngineInfo& info = loaded.info;
  info.architecture = config.architecture;
  info.backend = loaded.device->info().backend;
  info.device = loaded.device->info().name;
  info.n_threads = loaded.device->info().n_threads;
  info.vocab_size = config.vocab_size;
  info.context_tokens = choose_context(options.context_tokens, config);

  loaded.model =
      std::make_unique<Model>(*loaded.device, config, *loaded.tensors, [&](std::int64_t done, std::int64_t total) {
        if (options.progress) {
          options.progress("loading", static_cast<double>(done) / static_cast<double>(total));
        }
      });
  info.token_weight_bytes = loaded.model->expected_weight_bytes(1);
  info.memory.weights = loaded.model->weight_bytes();
  const std::int64_t n_blocks = KvCache::blocks_for(info.context_tokens, kBlockTokens);
  info.memory.kv_cache =
      static_cast<std::size_t>(n_blocks * kBlockTokens) * KvCache::bytes_per_token(config, loaded.cache_format);
  const std::int64_t step_rows = std::min(loaded.device->info().step_rows, info.context_tokens);
  info.memory.workspace = loaded.model->runtime_needs(step_rows, 1, n_blocks).bytes();
  check_fits(info);
  loaded.rope_table = loaded.model->make_rope_table(info.context_tokens);
  info.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return loaded;
}

}  // namespace marlin
