// SPDX-License-Identifier: Apache-2.0
// A loaded model of random weights on any device, with a geometry of the test's choosing.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "generation/loaded_model.h"
#include "model/synthetic.h"

namespace marlin::test {

/// `change` may alter the geometry `name`; `spoil` the tensors, after binding has found them good.
inline std::unique_ptr<LoadedModel> load_synthetic(std::string_view name, std::unique_ptr<Device> device,
                                                   const std::function<void(ModelConfig&)>& change = {},
                                                   const std::function<void(const TensorSource&)>& spoil = {}) {
  auto loaded = std::make_unique<LoadedModel>();
  ModelConfig config = synthetic_geometry(name);
  if (change) change(config);
  loaded->instruments = std::make_unique<Instruments>(nullptr);
  loaded->device = std::move(device);
  loaded->tensors = make_synthetic_tensors("synthetic", config, 2, {});
  loaded->model = std::make_unique<Model>(*loaded->device, config, *loaded->tensors);
  if (spoil) spoil(*loaded->tensors);
  loaded->info.vocab_size = config.vocab_size;
  loaded->info.context_tokens = 256;
  loaded->rope_table = loaded->model->make_rope_table(loaded->info.context_tokens);
  return loaded;
}

}  // namespace marlin::test
