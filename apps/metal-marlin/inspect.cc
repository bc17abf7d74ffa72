// SPDX-License-Identifier: Apache-2.0
// metal-marlin inspect: what a model directory holds and what running it needs. Reads headers only, no weights.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>
#include <string>

#include "base/error.h"
#include "commands.h"
#include "engine_flags.h"
#include "io/model_directory.h"
#include "metal_marlin/engine.h"
#include "model/arch/architecture.h"
#include "model/kv_cache.h"

namespace marlin::app {
namespace {

/// A linear layer or other tensor group as a person thinks of it.
struct Module {
  std::string name;
  std::string format;  // "exl3 mul1", "BF16", ...
  std::string shape;
  double bits = 0;
  std::size_t weights = 0;
  std::size_t bytes = 0;  // with scales
};

struct Totals {
  std::size_t exl3_weights = 0;
  double exl3_bits = 0;
  std::size_t bytes = 0;
  std::map<int, std::size_t> modules_by_bits;
};

std::string shape_text(const TensorView& tensor) {
  std::string text;
  for (const std::int64_t n : tensor.shape) text += fmt::format("{}{}", text.empty() ? "" : " x ", n);
  return text.empty() ? "scalar" : text;
}

std::size_t bytes_of(const ModelDirectory& directory, const std::string& name) {
  const TensorView* tensor = directory.find(name);
  return tensor == nullptr ? 0 : tensor->bytes;
}

Module exl3_module(const ModelDirectory& directory, const TensorView& trellis) {
  if (trellis.shape.size() != 3)
    fail(ErrorCode::kBadFile, "tensor '{}' is no trellis: it has shape {}", trellis.name, shape_text(trellis));
  Module module;
  module.name = trellis.name.substr(0, trellis.name.size() - std::string_view(".trellis").size());
  const char* codebook = directory.find(module.name + ".mul1") != nullptr  ? "mul1"
                         : directory.find(module.name + ".mcg") != nullptr ? "mcg"
                                                                           : "3inst";
  module.format = fmt::format("exl3 {}", codebook);
  module.shape = fmt::format("{} x {}", trellis.shape[0] * 16, trellis.shape[1] * 16);
  module.bits = static_cast<double>(trellis.shape[2]) / 16;
  module.weights = static_cast<std::size_t>(trellis.shape[0] * trellis.shape[1]) * 256;
  module.bytes = trellis.bytes;
  for (const char* part : {".suh", ".svh", ".su", ".sv", ".bias"})
    module.bytes += bytes_of(directory, module.name + part);
  return module;
}

bool ends_with_any(const std::string& name, std::initializer_list<std::string_view> suffixes) {
  return std::any_of(suffixes.begin(), suffixes.end(), [&](std::string_view suffix) { return name.ends_with(suffix); });
}

std::vector<Module> list_modules(const ModelDirectory& directory) {
  std::vector<Module> modules;
  for (const TensorView* tensor : directory.tensors()) {
    if (tensor->name.ends_with(".trellis")) {
      modules.push_back(exl3_module(directory, *tensor));
    } else if (!ends_with_any(tensor->name, {".suh", ".svh", ".su", ".sv", ".mul1", ".mcg"})) {
      modules.push_back({.name = tensor->name,
                         .format = std::string(dtype_name(tensor->dtype)),
                         .shape = shape_text(*tensor),
                         .bits = 8.0 * static_cast<double>(dtype_bytes(tensor->dtype)),
                         .weights = tensor->bytes / dtype_bytes(tensor->dtype),
                         .bytes = tensor->bytes});
    }
  }
  return modules;
}

Totals add_up(const std::vector<Module>& modules) {
  Totals totals;
  for (const Module& module : modules) {
    totals.bytes += module.bytes;
    if (!module.format.starts_with("exl3")) continue;
    ++totals.modules_by_bits[static_cast<int>(module.bits)];
    if (module.name == "lm_head") continue;  // quoted bits per weight leave the head out
    totals.exl3_weights += module.weights;
    totals.exl3_bits += module.bits * static_cast<double>(module.weights);
  }
  return totals;
}

struct InspectCommand {
  std::string model = demo_model_path();
  bool tensors = false;
  bool json = false;

  void operator()() const;
};

void print_text(const ModelDirectory& directory, const ModelConfig& config, const std::vector<Module>& modules,
                bool list_all) {
  constexpr double kMib = 1024.0 * 1024.0;
  const Totals totals = add_up(modules);
  const AttentionConfig& attention = config.attention;
  const std::int64_t context = std::min(config.max_positions, kDefaultContextTokens);
  const std::size_t kv_bytes =
      static_cast<std::size_t>(context) * KvCache::bytes_per_token(config, abi::MatrixFormat::kF16);
  fmt::print("model         {}\n", directory.path().string());
  fmt::print("architecture  {}: {} layers, hidden {}, vocabulary {}, context {}\n", config.architecture,
             config.n_layers, config.hidden_size, config.vocab_size, config.max_positions);
  if (attention.kind == AttentionKind::kLatent) {
    fmt::print("attention     latent: {} heads, rank {} + {} rotated\n", attention.n_heads, attention.kv_lora_rank,
               attention.qk_rope_head_dim);
  } else {
    fmt::print("attention     grouped: {} heads, {} key-value heads of {}\n", attention.n_heads, attention.n_kv_heads,
               attention.head_dim);
  }
  if (config.moe.n_experts > 0) {
    fmt::print("experts       {} per layer, {} per token{}\n", config.moe.n_experts, config.moe.top_k,
               config.moe.shared_intermediate_size > 0 ? ", and a shared one" : "");
  }
  if (totals.exl3_weights > 0) {
    fmt::print("bits          {:.2f} per weight (head apart);",
               totals.exl3_bits / static_cast<double>(totals.exl3_weights));
    for (const auto& [bits, n] : totals.modules_by_bits) fmt::print(" {} layers of {} bits", n, bits);
    fmt::print("\n");
  }
  fmt::print("weights       {:.1f} MiB\n", static_cast<double>(totals.bytes) / kMib);
  fmt::print("KV cache      {:.1f} MiB for {} tokens ({} bytes per token)\n", static_cast<double>(kv_bytes) / kMib,
             context, KvCache::bytes_per_token(config, abi::MatrixFormat::kF16));
  fmt::print("memory        {:.1f} MiB and a workspace (metal-marlin run --verbose prints the plan)\n",
             static_cast<double>(totals.bytes + kv_bytes) / kMib);
  if (!list_all) {
    fmt::print("tensors       {} (list them with --tensors)\n", directory.tensors().size());
    return;
  }
  fmt::print("\n{:<60} {:<11} {:<16} {:>5} {:>12}\n", "tensor or layer", "format", "shape", "bits", "bytes");
  for (const Module& module : modules) {
    fmt::print("{:<60} {:<11} {:<16} {:>5} {:>12}\n", module.name, module.format, module.shape, module.bits,
               module.bytes);
  }
}

void print_json(const ModelDirectory& directory, const ModelConfig& config, const std::vector<Module>& modules) {
  const Totals totals = add_up(modules);
  boost::json::array list;
  for (const Module& module : modules) {
    list.push_back(boost::json::object{{"name", module.name},
                                       {"format", module.format},
                                       {"shape", module.shape},
                                       {"bits", module.bits},
                                       {"weights", module.weights},
                                       {"bytes", module.bytes}});
  }
  const double weights = static_cast<double>(std::max<std::size_t>(totals.exl3_weights, 1));
  const boost::json::object object{{"model", directory.path().string()},
                                   {"architecture", config.architecture},
                                   {"layers", config.n_layers},
                                   {"hidden_size", config.hidden_size},
                                   {"vocab_size", config.vocab_size},
                                   {"context", config.max_positions},
                                   {"experts", config.moe.n_experts},
                                   {"experts_per_token", config.moe.top_k},
                                   {"bits_per_weight", totals.exl3_bits / weights},
                                   {"weight_bytes", totals.bytes},
                                   {"kv_bytes_per_token", KvCache::bytes_per_token(config, abi::MatrixFormat::kF16)},
                                   {"tensors", std::move(list)}};
  fmt::print("{}\n", boost::json::serialize(object));
}

void InspectCommand::operator()() const {
  const ModelDirectory directory = ModelDirectory::open(model);
  const ModelConfig config = parse_model_config(directory.config());
  const std::vector<Module> modules = list_modules(directory);
  if (json) {
    print_json(directory, config, modules);
  } else {
    print_text(directory, config, modules, tensors);
  }
}

}  // namespace

void add_inspect_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("inspect", "Show what a model holds and needs");
  const auto inspect = std::make_shared<InspectCommand>();
  command->add_option("-m,--model,model", inspect->model, "Model directory")->type_name("DIR");
  command->add_flag("--tensors", inspect->tensors, "List every layer with its bits and size");
  command->add_flag("--json", inspect->json, "Print one JSON object, tensors included");
  command->callback([inspect] { (*inspect)(); });
}

}  // namespace marlin::app
