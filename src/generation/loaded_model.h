// SPDX-License-Identifier: Apache-2.0
// Everything loading makes: the mapped files or synthetic tensors, the device, the bound model, and the text side
// (tokenizer, chat template, recommended options). Owned by the Engine, shared read-only by its sessions.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>

#include "device/device.h"
#include "generation/generation_config.h"
#include "io/model_directory.h"
#include "metal_marlin/engine.h"
#include "model/model.h"
#include "model/tensor_source.h"
#include "runtime/instruments.h"
#include "runtime/runtime.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace marlin {

struct LoadedModel {
  std::unique_ptr<Instruments> instruments;
  std::unique_ptr<Device> device;
  std::optional<ModelDirectory> directory;  // none when synthetic
  std::unique_ptr<TensorSource> tensors;
  std::unique_ptr<Model> model;
  std::unique_ptr<Buffer> rope_table;  // for context_tokens positions
  std::optional<Tokenizer> tokenizer;
  std::optional<ChatTemplate> chat_template;
  GenerationDefaults defaults;
  EngineInfo info;
  abi::MatrixFormat cache_format = abi::MatrixFormat::kF16;
  ExecutionOptions execution;
  bool check_finite = false;

  /// The tokenizer, or Error(kNotFound) saying which file the model lacks.
  [[nodiscard]] const Tokenizer& require_tokenizer() const;

  /// Whether the token ends a sequence.
  [[nodiscard]] bool is_eos(std::int32_t token) const {
    return std::binary_search(defaults.eos_token_ids.begin(), defaults.eos_token_ids.end(), token);
  }
};

/// Errors: as Engine::load. `device`: the one to load onto; without it, that of options.backend is created.
LoadedModel load_model(const EngineOptions& options, std::unique_ptr<Device> device = nullptr);

/// The runtime's part of it all for a session that executes as `execution` says. Errors: kInvalidArgument.
RuntimeOptions runtime_options(const LoadedModel& loaded, const ExecutionOptions& execution);

}  // namespace marlin
