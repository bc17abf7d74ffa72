// SPDX-License-Identifier: Apache-2.0
#include "model/synthetic.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "base/error.h"
#include "base/memory.h"
#include "base/thread_pool.h"
#include "io/json.h"
#include "model/arch/architecture.h"
#include "trellis/codebook.h"

namespace marlin {
namespace {

constexpr int kHeadBits = 6;
constexpr std::size_t kTensorAlignment = 64;
constexpr std::size_t kFillBytes = std::size_t{8} << 20;  // one piece of the parallel fill

struct Geometry {
  std::string_view name;
  std::string_view config;  // as in config.json of the published model
};

constexpr std::array kGeometries = {
    Geometry{"glm-4.7-flash",
             R"({"model_type": "glm4_moe_lite", "vocab_size": 154880, "hidden_size": 2048, "num_hidden_layers": 47,
    "intermediate_size": 10240, "moe_intermediate_size": 1536, "num_attention_heads": 20, "num_key_value_heads": 20,
    "q_lora_rank": 768, "kv_lora_rank": 512, "qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "v_head_dim": 256,
    "n_routed_experts": 64, "n_shared_experts": 1, "num_experts_per_tok": 4, "first_k_dense_replace": 1, "n_group": 1,
    "topk_group": 1, "norm_topk_prob": true, "routed_scaling_factor": 1.8, "rms_norm_eps": 1e-05,
    "rope_theta": 1000000, "max_position_embeddings": 202752, "hidden_act": "silu", "tie_word_embeddings": false})"},
    Geometry{"qwen3-30b-a3b",
             R"({"model_type": "qwen3_moe", "vocab_size": 151936, "hidden_size": 2048, "num_hidden_layers": 48,
    "intermediate_size": 6144, "moe_intermediate_size": 768, "num_attention_heads": 32, "num_key_value_heads": 4,
    "head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8, "norm_topk_prob": true, "decoder_sparse_step": 1,
    "mlp_only_layers": [], "rms_norm_eps": 1e-06, "rope_theta": 1000000, "max_position_embeddings": 40960,
    "hidden_act": "silu", "tie_word_embeddings": false})"},
    // As deep and with as many experts as GLM-4.7-Flash, but narrow: what launching and committing costs.
    Geometry{"narrow-glm-4.7-flash",
             R"({"model_type": "glm4_moe_lite", "vocab_size": 1024, "hidden_size": 128, "num_hidden_layers": 47,
    "intermediate_size": 256, "moe_intermediate_size": 128, "num_attention_heads": 2, "num_key_value_heads": 2,
    "q_lora_rank": 128, "kv_lora_rank": 64, "qk_nope_head_dim": 64, "qk_rope_head_dim": 64, "v_head_dim": 64,
    "n_routed_experts": 64, "n_shared_experts": 1, "num_experts_per_tok": 4, "first_k_dense_replace": 1, "n_group": 1,
    "topk_group": 1, "norm_topk_prob": true, "routed_scaling_factor": 1.8, "rms_norm_eps": 1e-05,
    "rope_theta": 1000000, "max_position_embeddings": 4096, "hidden_act": "silu", "tie_word_embeddings": false})"},
    Geometry{"tiny-moe",
             R"({"model_type": "glm4_moe_lite", "vocab_size": 1024, "hidden_size": 256, "num_hidden_layers": 4,
    "intermediate_size": 512, "moe_intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 4,
    "q_lora_rank": 128, "kv_lora_rank": 128, "qk_nope_head_dim": 64, "qk_rope_head_dim": 64, "v_head_dim": 64,
    "n_routed_experts": 16, "n_shared_experts": 1, "num_experts_per_tok": 4, "first_k_dense_replace": 1, "n_group": 1,
    "topk_group": 1, "norm_topk_prob": true, "routed_scaling_factor": 1.8, "rms_norm_eps": 1e-05,
    "rope_theta": 1000000, "max_position_embeddings": 4096, "hidden_act": "silu", "tie_word_embeddings": false})"},
};

/// What a tensor is filled with: 64-bit words (random AND mask) OR base.
struct Filling {
  std::uint64_t mask = 0;
  std::uint64_t base = 0;
};

constexpr Filling kRandomBits{~std::uint64_t{0}, 0};
constexpr Filling kHalfOnes{0, 0x3C003C003C003C00};
constexpr Filling kZeros{0, 0};

/// f16 numbers of random sign whose magnitude is in [1, 2) times the power of two below `magnitude`.
Filling random_halves(double magnitude) {
  const auto biased = static_cast<std::uint64_t>(std::clamp(std::ilogb(magnitude) + 15, 1, 30));
  return {0x83FF83FF83FF83FF, (biased << 10) * 0x0001000100010001};
}

std::int64_t round_up(std::int64_t n) { return (n + 127) / 128 * 128; }

class SyntheticTensors final : public TensorSource {
 public:
  SyntheticTensors(std::string name, const ModelConfig& config, int bits) : name_(std::move(name)), bits_(bits) {
    const std::int64_t hidden = config.hidden_size;
    add("model.embed_tokens.weight", DType::kF16, {config.vocab_size, hidden}, random_halves(1.0));
    add_exl3("lm_head", hidden, config.vocab_size, kHeadBits);
    add_norm("model.norm", hidden);
    for (std::int64_t i = 0; i < config.n_layers; ++i) add_layer(config, i);
  }

  void fill(const SyntheticProgress& progress) {
    memory_ = PageMemory(total_bytes_);
    for (TensorView& tensor : tensors_) tensor.data = memory_.data() + tensor.file_offset;
    ThreadPool pool(usable_processors());
    std::atomic<std::size_t> next{0};
    pool.run([&](int thread) {
      while (true) {
        const std::size_t i = next.fetch_add(1, std::memory_order_relaxed);
        if (i >= pieces_.size()) return;
        fill_piece(pieces_[i], i);
        if (thread == 0 && progress) {
          progress("making random weights", static_cast<double>(i) / static_cast<double>(pieces_.size()));
        }
      }
    });
  }

  [[nodiscard]] const TensorView* find(std::string_view name) const override {
    const auto found = by_name_.find(std::string(name));
    return found == by_name_.end() ? nullptr : &tensors_[found->second];
  }
  [[nodiscard]] std::vector<std::span<const std::byte>> regions() const override {
    return {{memory_.data(), memory_.size()}};
  }
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::size_t total_bytes() const override { return total_bytes_; }

 private:
  struct Piece {
    std::size_t begin;  // in memory_
    std::size_t bytes;  // padded to whole words
    Filling filling;
  };

  void add(std::string name, DType dtype, std::vector<std::int64_t> shape, Filling filling) {
    std::size_t bytes = dtype_bytes(dtype);
    for (const std::int64_t n : shape) bytes *= static_cast<std::size_t>(n);
    by_name_.emplace(name, tensors_.size());
    tensors_.push_back({std::move(name), dtype, std::move(shape), nullptr, bytes, total_bytes_});
    const std::size_t padded = (bytes + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
    for (std::size_t done = 0; done < padded; done += kFillBytes) {
      pieces_.push_back({total_bytes_ + done, std::min(kFillBytes, padded - done), filling});
    }
    total_bytes_ += padded;
  }

  void add_norm(const std::string& name, std::int64_t n) { add(name + ".weight", DType::kF16, {n}, kHalfOnes); }

  void add_exl3(const std::string& name, std::int64_t n_in, std::int64_t n_out, int bits) {
    const std::int64_t in = round_up(n_in);
    const std::int64_t out = round_up(n_out);
    add(name + ".trellis", DType::kI16, {in / 16, out / 16, 16 * std::int64_t{bits}}, kRandomBits);
    add(name + ".suh", DType::kF16, {in}, random_halves(1.0 / std::sqrt(static_cast<double>(in))));
    add(name + ".svh", DType::kF16, {out}, random_halves(1.0));
    add(name + ".mul1", DType::kI32, {}, {0, kMul1Multiplier});
  }

  void add_mlp(const std::string& prefix, std::int64_t hidden, std::int64_t inner) {
    add_exl3(prefix + "gate_proj", hidden, inner, bits_);
    add_exl3(prefix + "up_proj", hidden, inner, bits_);
    add_exl3(prefix + "down_proj", inner, hidden, bits_);
  }

  void add_attention(const ModelConfig& config, const std::string& prefix) {
    const AttentionConfig& a = config.attention;
    const std::int64_t hidden = config.hidden_size;
    if (a.kind == AttentionKind::kGrouped) {
      add_exl3(prefix + "q_proj", hidden, a.n_heads * a.head_dim, bits_);
      add_exl3(prefix + "k_proj", hidden, a.n_kv_heads * a.head_dim, bits_);
      add_exl3(prefix + "v_proj", hidden, a.n_kv_heads * a.head_dim, bits_);
      add_exl3(prefix + "o_proj", a.n_heads * a.head_dim, hidden, bits_);
      if (a.qk_norm) {
        add_norm(prefix + "q_norm", a.head_dim);
        add_norm(prefix + "k_norm", a.head_dim);
      }
      return;
    }
    add_exl3(prefix + "q_a_proj", hidden, a.q_lora_rank, bits_);
    add_norm(prefix + "q_a_layernorm", a.q_lora_rank);
    add_exl3(prefix + "q_b_proj", a.q_lora_rank, a.n_heads * (a.qk_nope_head_dim + a.qk_rope_head_dim), bits_);
    add_exl3(prefix + "kv_a_proj_with_mqa", hidden, a.kv_lora_rank + a.qk_rope_head_dim, bits_);
    add_norm(prefix + "kv_a_layernorm", a.kv_lora_rank);
    add(prefix + "kv_b_proj.weight", DType::kF16, {a.n_heads * (a.qk_nope_head_dim + a.v_head_dim), a.kv_lora_rank},
        random_halves(1.0 / std::sqrt(static_cast<double>(a.kv_lora_rank))));
    add_exl3(prefix + "o_proj", a.n_heads * a.v_head_dim, hidden, bits_);
  }

  void add_layer(const ModelConfig& config, std::int64_t index) {
    const std::string prefix = fmt::format("model.layers.{}.", index);
    const std::string mlp = prefix + "mlp.";
    const MoeConfig& moe = config.moe;
    const std::int64_t hidden = config.hidden_size;
    add_norm(prefix + "input_layernorm", hidden);
    add_norm(prefix + "post_attention_layernorm", hidden);
    add_attention(config, prefix + "self_attn.");
    if (!config.layer_is_moe[static_cast<std::size_t>(index)]) {
      add_mlp(mlp, hidden, config.intermediate_size);
      return;
    }
    add(mlp + "gate.weight", DType::kF16, {moe.n_experts, hidden},
        random_halves(1.0 / std::sqrt(static_cast<double>(hidden))));
    if (moe.correction_bias) add(mlp + "gate.e_score_correction_bias", DType::kF16, {moe.n_experts}, kZeros);
    for (std::int64_t i = 0; i < moe.n_experts; ++i) {
      add_mlp(fmt::format("{}experts.{}.", mlp, i), hidden, moe.intermediate_size);
    }
    if (moe.shared_intermediate_size > 0) {
      add_mlp(mlp + "shared_experts.", hidden, moe.shared_intermediate_size);
    }
  }

  void fill_piece(const Piece& piece, std::size_t seed) {
    std::uint64_t state = seed * 0x9E3779B97F4A7C15;
    std::byte* out = memory_.data() + piece.begin;
    for (std::size_t i = 0; i < piece.bytes; i += sizeof(std::uint64_t)) {
      std::uint64_t z = state += 0x9E3779B97F4A7C15;  // splitmix64
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
      z = ((z ^ (z >> 31)) & piece.filling.mask) | piece.filling.base;
      std::memcpy(out + i, &z, sizeof(z));
    }
  }

  std::string name_;
  int bits_;
  std::vector<TensorView> tensors_;
  std::unordered_map<std::string, std::size_t> by_name_;
  std::vector<Piece> pieces_;
  std::size_t total_bytes_ = 0;
  PageMemory memory_;
};

}  // namespace

std::vector<std::string> synthetic_names() {
  std::vector<std::string> names;
  names.reserve(kGeometries.size());
  for (const Geometry& geometry : kGeometries) names.emplace_back(geometry.name);
  return names;
}

ModelConfig synthetic_geometry(std::string_view name) {
  for (const Geometry& geometry : kGeometries) {
    if (geometry.name == name) return parse_model_config(parse_json(geometry.config, geometry.name));
  }
  fail(ErrorCode::kInvalidArgument, "unknown --synthetic '{}'; known: {}", name, fmt::join(synthetic_names(), ", "));
}

std::unique_ptr<TensorSource> make_synthetic_tensors(std::string name, const ModelConfig& config, int bits,
                                                     const SyntheticProgress& progress) {
  if (bits < 1 || bits > 8) fail(ErrorCode::kInvalidArgument, "--bits must be between 1 and 8, got {}", bits);
  auto tensors = std::make_unique<SyntheticTensors>(std::move(name), config, bits);
  tensors->fill(progress);
  return tensors;
}

}  // namespace marlin
