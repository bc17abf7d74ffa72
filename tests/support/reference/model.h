// SPDX-License-Identifier: Apache-2.0
// A whole forward pass in float64 of a checkpoint in HuggingFace's layout, with EXL3 or plain weights: what the
// engine's models are judged by where no golden values are stored, layer by layer if need be. Of glm4_moe_lite,
// deepseek_v3 (without YaRN), qwen3_moe, qwen3 and llama. Slow and literal on purpose; it attends to the whole sequence
// at once, without a cache.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/safetensors.h"
#include "tests/support/reference/moe.h"
#include "tests/support/reference/ops.h"

namespace marlin::reference {

/// What a forward pass computes on its way.
struct Trace {
  std::vector<Tensor>
      hidden;  ///< [n_layers + 1] of [n_tokens, n_hidden]: embeddings, then after each layer, the last normed
  std::vector<Routing> routing;  ///< [n_layers]; empty for layers without experts
  Tensor logits;                 ///< [n_tokens, n_vocab]
};

class Model {
 public:
  /// Reads config.json and model*.safetensors of `directory`. Throws Error for what is missing or not supported.
  explicit Model(const std::filesystem::path& directory);

  [[nodiscard]] std::size_t n_vocab() const { return size("vocab_size"); }
  [[nodiscard]] std::size_t n_hidden() const { return size("hidden_size"); }

  /// The same sequence gives the same values, whatever ran before. Keeps every weight it decodes (8 bytes each).
  Trace run(const std::vector<std::size_t>& ids);
  Tensor logits(const std::vector<std::size_t>& ids) { return run(ids).logits; }

  /// The weight of linear layer `name`, [in][out], padded as stored.
  const Tensor& weight(const std::string& name);

 private:
  [[nodiscard]] const boost::json::value* config(std::string_view key) const;
  [[nodiscard]] double number(std::string_view key) const;
  [[nodiscard]] double number(std::string_view key, double absent) const;
  [[nodiscard]] std::size_t size(std::string_view key) const { return static_cast<std::size_t>(number(key)); }
  [[nodiscard]] const TensorView* find(std::string_view name) const;
  [[nodiscard]] Tensor plain(const std::string& name) const;
  [[nodiscard]] Tensor frequencies(std::size_t dim) const;

  Tensor exl3_weight(const std::string& name) const;
  Tensor linear(const Tensor& x, const std::string& name, std::size_t n_in, std::size_t n_out);
  Tensor norm(const Tensor& x, const std::string& name, double eps) const;
  Tensor grouped(const Tensor& h, const std::string& prefix);
  Tensor latent(const Tensor& h, const std::string& prefix);
  Tensor dense(const Tensor& h, const std::string& prefix, std::size_t n_inner);
  Tensor mixture(const Tensor& h, const std::string& prefix, Routing& routing);

  boost::json::object config_;
  std::vector<SafetensorsFile> shards_;
  std::map<std::string, Tensor, std::less<>> weights_;
};

}  // namespace marlin::reference
