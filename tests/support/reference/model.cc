// SPDX-License-Identifier: Apache-2.0
// Tensors keep HuggingFace's names; see the operations for the arithmetic. Latents are normed with eps 1e-6, as
// transformers does whatever the config says.
#include "tests/support/reference/model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "base/half.h"
#include "io/json.h"
#include "tests/support/reference/attention.h"
#include "tests/support/reference/rope.h"
#include "trellis/layer.h"

namespace marlin::reference {
namespace {

constexpr double kLatentEps = 1e-6;
constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;

template <typename Stored, typename Convert>
Tensor convert(const TensorView& view, Convert to_double) {
  Tensor values(view.bytes / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, view.data + i * sizeof(Stored), sizeof(Stored));
    values[i] = to_double(stored);
  }
  return values;
}

// Columns first .. first + count of each row of `width`.
Tensor columns(const Tensor& x, std::size_t width, std::size_t first, std::size_t count) {
  Tensor part;
  for (std::size_t row = 0; row < x.size(); row += width) {
    const auto begin = x.begin() + static_cast<std::ptrdiff_t>(row + first);
    part.insert(part.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
  }
  return part;
}

// Rows of a beside rows of b.
Tensor beside(const Tensor& a, std::size_t a_width, const Tensor& b, std::size_t b_width) {
  Tensor both;
  for (std::size_t row = 0; row < a.size() / a_width; ++row) {
    const auto a_row = a.begin() + static_cast<std::ptrdiff_t>(row * a_width);
    const auto b_row = b.begin() + static_cast<std::ptrdiff_t>(row * b_width);
    both.insert(both.end(), a_row, a_row + static_cast<std::ptrdiff_t>(a_width));
    both.insert(both.end(), b_row, b_row + static_cast<std::ptrdiff_t>(b_width));
  }
  return both;
}

// Each row filled up with zeros, or cut, to `width`.
Tensor fit(const Tensor& x, std::size_t old_width, std::size_t width) {
  Tensor result(x.size() / old_width * width, 0.0);
  for (std::size_t row = 0; row < x.size() / old_width; ++row) {
    for (std::size_t i = 0; i < std::min(old_width, width); ++i) result[row * width + i] = x[row * old_width + i];
  }
  return result;
}

std::vector<std::size_t> positions_of(const Tensor& h, std::size_t n_hidden) {
  std::vector<std::size_t> positions(h.size() / n_hidden);
  std::iota(positions.begin(), positions.end(), std::size_t{0});
  return positions;
}

}  // namespace

Model::Model(const std::filesystem::path& directory)
    : config_(read_json_file(directory / "config.json", kMaxConfigBytes).as_object()) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string file = entry.path().filename().string();
    if (file.rfind("model", 0) == 0 && entry.path().extension() == ".safetensors") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) shards_.push_back(SafetensorsFile::open(path));
}

const boost::json::value* Model::config(std::string_view key) const {
  if (const auto* value = config_.if_contains(key); value != nullptr && !value->is_null()) return value;
  for (const std::string_view nested : {"rope_parameters", "rope_scaling"}) {
    const auto* inner = config_.if_contains(nested);
    if (inner == nullptr || !inner->is_object()) continue;
    if (const auto* value = inner->as_object().if_contains(key); value != nullptr && !value->is_null()) return value;
  }
  return nullptr;
}

double Model::number(std::string_view key, double absent) const {
  const boost::json::value* value = config(key);
  if (value == nullptr) return absent;
  return value->is_bool() ? static_cast<double>(value->as_bool()) : value->to_number<double>();
}

double Model::number(std::string_view key) const {
  if (config(key) == nullptr) fail(ErrorCode::kBadFile, "config.json has no '{}', which the reference needs", key);
  return number(key, 0);
}

const TensorView* Model::find(std::string_view name) const {
  for (const SafetensorsFile& shard : shards_) {
    if (const TensorView* view = shard.find(name); view != nullptr) return view;
  }
  return nullptr;
}

Tensor Model::plain(const std::string& name) const {
  const TensorView* view = find(name);
  if (view == nullptr) fail(ErrorCode::kNotFound, "the checkpoint has no tensor '{}'", name);
  if (view->dtype == DType::kF32) return convert<float>(*view, [](float value) { return static_cast<double>(value); });
  if (view->dtype == DType::kF16) return convert<std::uint16_t>(*view, half_to_float);
  if (view->dtype == DType::kBF16) return convert<std::uint16_t>(*view, bfloat16_to_float);
  fail(ErrorCode::kUnsupported, "tensor '{}' has type {}, which is no weight", name, dtype_name(view->dtype));
}

Tensor Model::exl3_weight(const std::string& name) const {
  const TensorView* trellis = find(name + ".trellis");
  const TensorView* suh = find(name + ".suh");
  const TensorView* svh = find(name + ".svh");
  if (trellis == nullptr || suh == nullptr || svh == nullptr) {
    fail(ErrorCode::kNotFound, "the checkpoint has no linear layer '{}'", name);
  }
  Codebook codebook = Codebook::k3Inst;
  if (find(name + ".mcg") != nullptr) codebook = Codebook::kMcg;
  if (find(name + ".mul1") != nullptr) codebook = Codebook::kMul1;
  return effective_weight(
      {name, exl3_shape(trellis->shape, name), codebook, trellis->span(), suh->span(), svh->span()});
}

const Tensor& Model::weight(const std::string& name) {
  const auto found = weights_.find(name);
  if (found != weights_.end()) return found->second;
  const TensorView* stored = find(name + ".weight");
  Tensor value = stored == nullptr ? exl3_weight(name)
                                   : transpose(plain(name + ".weight"), static_cast<std::size_t>(stored->shape.at(1)));
  return weights_.emplace(name, std::move(value)).first->second;
}

Tensor Model::linear(const Tensor& x, const std::string& name, std::size_t n_in, std::size_t n_out) {
  const Tensor& w = weight(name);
  const TensorView* trellis = find(name + ".trellis");
  if (trellis == nullptr) return matmul(x, w, n_in, n_out);
  const Exl3Shape padded = exl3_shape(trellis->shape, name);
  const auto padded_in = static_cast<std::size_t>(padded.in);
  const auto padded_out = static_cast<std::size_t>(padded.out);
  return fit(matmul(fit(x, n_in, padded_in), w, padded_in, padded_out), padded_out, n_out);
}

Tensor Model::norm(const Tensor& x, const std::string& name, double eps) const {
  return rms_norm(x, plain(name + ".weight"), eps);
}

Tensor Model::frequencies(std::size_t dim) const {
  const double theta = number("rope_theta");
  const boost::json::value* type = config("rope_type");
  if (type == nullptr) type = config("type");
  const std::string_view name = type == nullptr ? std::string_view("default") : std::string_view(type->as_string());
  if (name == "default") return plain_frequencies(dim, theta);
  if (name != "llama3") fail(ErrorCode::kUnsupported, "the reference model has no RoPE scaling '{}'", name);
  return llama3_frequencies(dim, theta, number("factor"), number("low_freq_factor"), number("high_freq_factor"),
                            number("original_max_position_embeddings"));
}

Tensor Model::grouped(const Tensor& h, const std::string& prefix) {
  const std::size_t n_heads = size("num_attention_heads");
  const std::size_t n_kv_heads = size("num_key_value_heads");
  const std::size_t head_dim = config("head_dim") != nullptr ? size("head_dim") : n_hidden() / n_heads;
  const Tensor theta = frequencies(head_dim);
  const std::vector<std::size_t> positions = positions_of(h, n_hidden());
  const auto project = [&](const std::string& name, std::size_t heads) {
    Tensor x = linear(h, prefix + name + "_proj", n_hidden(), heads * head_dim);
    const std::string head_norm = prefix + name + "_norm";
    return find(head_norm + ".weight") == nullptr ? x : norm(x, head_norm, number("rms_norm_eps"));
  };
  const Tensor q = rope(project("q", n_heads), positions, n_heads, theta, RopePairs::kHalves);
  const Tensor k = rope(project("k", n_kv_heads), positions, n_kv_heads, theta, RopePairs::kHalves);
  const GroupedAttention shape{n_heads, n_kv_heads, head_dim, head_dim, 1.0 / std::sqrt(static_cast<double>(head_dim))};
  const Tensor out = grouped_attention(shape, q, k, project("v", n_kv_heads));
  return linear(out, prefix + "o_proj", n_heads * head_dim, n_hidden());
}

Tensor Model::latent(const Tensor& h, const std::string& prefix) {
  LatentAttention shape{size("num_attention_heads"), size("kv_lora_rank"), size("qk_nope_head_dim"),
                        size("qk_rope_head_dim"),    size("v_head_dim"),   0};
  const std::size_t q_dim = shape.nope_dim + shape.rope_dim;
  shape.scale = 1.0 / std::sqrt(static_cast<double>(q_dim));
  const auto q_rank = static_cast<std::size_t>(number("q_lora_rank", 0));
  const Tensor theta = frequencies(shape.rope_dim);
  const std::vector<std::size_t> positions = positions_of(h, n_hidden());
  const auto rotate = [&](const Tensor& x, std::size_t heads) {
    return rope(x, positions, heads, theta, RopePairs::kInterleaved);
  };
  Tensor q;
  if (q_rank == 0) {
    q = linear(h, prefix + "q_proj", n_hidden(), shape.n_heads * q_dim);
  } else {
    const Tensor q_a = norm(linear(h, prefix + "q_a_proj", n_hidden(), q_rank), prefix + "q_a_layernorm", kLatentEps);
    q = linear(q_a, prefix + "q_b_proj", q_rank, shape.n_heads * q_dim);
  }
  q = beside(columns(q, q_dim, 0, shape.nope_dim), shape.nope_dim,
             rotate(columns(q, q_dim, shape.nope_dim, shape.rope_dim), shape.n_heads), shape.rope_dim);
  const std::size_t kv_width = shape.rank + shape.rope_dim;
  const Tensor kv = linear(h, prefix + "kv_a_proj_with_mqa", n_hidden(), kv_width);
  const Tensor normed = norm(columns(kv, kv_width, 0, shape.rank), prefix + "kv_a_layernorm", kLatentEps);
  const Tensor k_rope = rotate(columns(kv, kv_width, shape.rank, shape.rope_dim), 1);
  const Tensor out = latent_attention_expanded(shape, q, normed, k_rope, weight(prefix + "kv_b_proj"));
  return linear(out, prefix + "o_proj", shape.n_heads * shape.value_dim, n_hidden());
}

Tensor Model::dense(const Tensor& h, const std::string& prefix, std::size_t n_inner) {
  const Tensor inner =
      swiglu(linear(h, prefix + "gate_proj", n_hidden(), n_inner), linear(h, prefix + "up_proj", n_hidden(), n_inner));
  return linear(inner, prefix + "down_proj", n_inner, n_hidden());
}

Tensor Model::mixture(const Tensor& h, const std::string& prefix, Routing& routing) {
  const std::string bias = prefix + "gate.e_score_correction_bias";
  const bool sigmoid = find(bias) != nullptr;
  const std::size_t n_experts = plain(prefix + "gate.weight").size() / n_hidden();
  Router router{n_experts, size("num_experts_per_tok"), sigmoid ? Scoring::kSigmoid : Scoring::kSoftmax};
  router.normalize = number("norm_topk_prob", 0) != 0;
  router.scaling = sigmoid ? number("routed_scaling_factor", 1) : 1.0;
  router.n_groups = static_cast<std::size_t>(number("n_group", 1));
  router.top_k_groups = static_cast<std::size_t>(number("topk_group", 1));
  const Tensor logits = linear(h, prefix + "gate", n_hidden(), n_experts);
  routing = route(router, logits, sigmoid ? plain(bias) : Tensor{});

  const std::size_t n_inner = size("moe_intermediate_size");
  const auto n_shared = static_cast<std::size_t>(number("n_shared_experts", 0));
  Tensor y = n_shared == 0 ? Tensor(h.size(), 0.0) : dense(h, prefix + "shared_experts.", n_shared * n_inner);
  for (std::size_t slot = 0; slot < routing.experts.size(); ++slot) {
    const std::size_t token = slot / router.top_k;
    const Tensor part = dense(gather_rows(h, {token}, n_hidden()),
                              fmt::format("{}experts.{}.", prefix, routing.experts[slot]), n_inner);
    for (std::size_t i = 0; i < part.size(); ++i) y[token * n_hidden() + i] += routing.weights[slot] * part[i];
  }
  return y;
}

Trace Model::run(const std::vector<std::size_t>& ids) {
  const double eps = number("rms_norm_eps");
  const std::size_t n_layers = size("num_hidden_layers");
  const Tensor embeddings = plain("model.embed_tokens.weight");
  Trace trace;
  trace.routing.resize(n_layers);
  Tensor x = gather_rows(embeddings, ids, n_hidden());
  for (std::size_t layer = 0; layer < n_layers; ++layer) {
    trace.hidden.push_back(x);
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    const Tensor attention_in = norm(x, prefix + "input_layernorm", eps);
    x = add(x, config("kv_lora_rank") != nullptr ? latent(attention_in, prefix + "self_attn.")
                                                 : grouped(attention_in, prefix + "self_attn."));
    const Tensor mlp_in = norm(x, prefix + "post_attention_layernorm", eps);
    const bool has_experts = find(prefix + "mlp.gate.weight") != nullptr;
    x = add(x, has_experts ? mixture(mlp_in, prefix + "mlp.", trace.routing[layer])
                           : dense(mlp_in, prefix + "mlp.", size("intermediate_size")));
  }
  x = norm(x, "model.norm", eps);
  trace.hidden.push_back(x);
  const bool has_head = find("lm_head.weight") != nullptr || find("lm_head.trellis") != nullptr;
  trace.logits = has_head ? linear(x, "lm_head", n_hidden(), n_vocab())
                          : matmul(x, transpose(embeddings, n_hidden()), n_hidden(), n_vocab());
  return trace;
}

}  // namespace marlin::reference
