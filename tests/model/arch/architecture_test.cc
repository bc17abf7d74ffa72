// SPDX-License-Identifier: Apache-2.0
// The registry and what each architecture makes of its config.json; the bundled model and every fixture parse.
#include "model/arch/architecture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "tests/io/expect_error.h"
#include "tests/model/arch/config_text.h"
#include "tests/support/fixtures.h"

namespace marlin {
namespace {

namespace fs = std::filesystem;
using namespace test;  // NOLINT(google-build-using-namespace): for brevity

ModelConfig parse_file(const fs::path& path) { return parse_model_config(read_json_file(path, 1 << 20)); }

TEST(Architecture, TableHoldsTheFive) {
  std::vector<std::string> names;
  for (const Architecture& architecture : architectures()) names.emplace_back(architecture.model_type);
  EXPECT_EQ(names, (std::vector<std::string>{"glm4_moe_lite", "deepseek_v3", "qwen3_moe", "qwen3", "llama"}));
}

TEST(Architecture, UnknownOnesListTheKnown) {
  for (const char* model_type : {"\"gpt2\"", "\"LLAMA\"", "\"\""}) {
    const boost::json::object text = with(kLlamaText, "model_type", model_type);
    for (const Architecture& architecture : architectures()) {
      expect_error(ErrorCode::kUnsupported, architecture.model_type, [&] { parse_config(text); });
    }
  }
  expect_error(ErrorCode::kUnsupported, "gpt2", [] { parse_config(with(kLlamaText, "model_type", "\"gpt2\"")); });
  expect_error(ErrorCode::kBadFile, "model_type", [] { parse_config(with(kLlamaText, "model_type", "7")); });
  expect_error(ErrorCode::kBadFile, "config.json", [] { parse_config("[]"); });
  expect_error(ErrorCode::kBadFile, "model_type", [] { parse_config("{}"); });
}

TEST(Architecture, ClassNameStandsInForModelType) {
  EXPECT_EQ(parse_config(without(kGlmText, "model_type")), parse_config(kGlmText));
  const boost::json::object other = with(without(kGlmText, "model_type"), "architectures", "[\"GPT2LMHeadModel\"]");
  expect_error(ErrorCode::kUnsupported, "GPT2LMHeadModel", [&] { parse_config(other); });
  for (const char* names : {"[]", "[3]", "null"}) {
    const boost::json::object text = with(without(kGlmText, "model_type"), "architectures", names);
    expect_error(ErrorCode::kBadFile, "architectures", [&] { parse_config(text); });
  }
}

TEST(Architecture, Glm) {
  const ModelConfig model = parse_config(kGlmText);
  EXPECT_EQ(model.architecture, "glm4_moe_lite");
  EXPECT_EQ(model.vocab_size, 4096);
  EXPECT_EQ(model.hidden_size, 256);
  EXPECT_EQ(model.intermediate_size, 512);
  EXPECT_EQ(model.max_positions, 4096);
  EXPECT_DOUBLE_EQ(model.rms_norm_eps, 1e-5);
  EXPECT_EQ(model.attention.kind, AttentionKind::kLatent);
  EXPECT_EQ(model.attention.n_heads, 4);
  EXPECT_EQ(model.attention.q_lora_rank, 128);
  EXPECT_EQ(model.attention.kv_lora_rank, 96);
  EXPECT_EQ(model.attention.qk_nope_head_dim, 48);
  EXPECT_EQ(model.attention.qk_rope_head_dim, 16);
  EXPECT_EQ(model.attention.v_head_dim, 80);
  EXPECT_DOUBLE_EQ(model.attention.latent_norm_eps, 1e-6);
  EXPECT_DOUBLE_EQ(model.attention.softmax_scale, 1.0 / 8.0);
  EXPECT_EQ(model.rope.layout, RopeLayout::kInterleaved);
  EXPECT_EQ(model.rope.scaling, RopeScaling::kNone);
  EXPECT_EQ(model.rope.theta, 1e6);
  EXPECT_EQ(model.moe.n_experts, 16);
  EXPECT_EQ(model.moe.top_k, 4);
  EXPECT_EQ(model.moe.intermediate_size, 128);
  EXPECT_EQ(model.moe.shared_intermediate_size, 256);
  EXPECT_EQ(model.moe.scoring, RouterScoring::kSigmoid);
  EXPECT_TRUE(model.moe.correction_bias);
  EXPECT_TRUE(model.moe.normalize_top_k);
  EXPECT_DOUBLE_EQ(model.moe.scaling, 1.8);
  EXPECT_EQ(model.layer_is_moe, (std::vector<bool>{false, true, true, true, true, true, true, true}));
}

TEST(Architecture, GlmVariants) {
  EXPECT_EQ(parse_config(with(kGlmText, "rope_interleave", "false")).rope.layout, RopeLayout::kHalves);
  EXPECT_EQ(parse_config(with(kGlmText, "q_lora_rank", "null")).attention.q_lora_rank, 0);
  EXPECT_EQ(parse_config(with(kGlmText, "n_shared_experts", "null")).moe.shared_intermediate_size, 0);
  EXPECT_EQ(parse_config(with(kGlmText, "n_shared_experts", "0")).moe.shared_intermediate_size, 0);
  EXPECT_EQ(parse_config(without(kGlmText, "first_k_dense_replace")), parse_config(kGlmText));
  EXPECT_FALSE(parse_config(with(kGlmText, "norm_topk_prob", "false")).moe.normalize_top_k);
  const std::string types = R"(["dense", "sparse", "sparse", "sparse", "sparse", "sparse", "sparse", "sparse"])";
  EXPECT_EQ(parse_config(with(without(kGlmText, "first_k_dense_replace"), "mlp_layer_types", types)),
            parse_config(kGlmText));
  const ModelConfig dense = parse_config(with(kGlmText, "first_k_dense_replace", "8"));
  EXPECT_EQ(dense.layer_is_moe, std::vector<bool>(8, false));
  EXPECT_EQ(dense.moe.n_experts, 0);
}

TEST(Architecture, Deepseek) {
  const ModelConfig model = parse_config(kDeepseekText);
  EXPECT_EQ(model.moe.n_groups, 8);
  EXPECT_EQ(model.moe.top_k_groups, 4);
  EXPECT_EQ(model.layer_is_moe, (std::vector<bool>{false, false, false, true, true, true}));
  EXPECT_EQ(model.max_positions, 163840);
  EXPECT_EQ(model.rope.scaling, RopeScaling::kYarn);
  EXPECT_EQ(model.rope.factor, 40.0);
  EXPECT_EQ(model.rope.beta_fast, 32.0);
  EXPECT_EQ(model.rope.beta_slow, 1.0);
  EXPECT_EQ(model.rope.original_max_positions, 4096.0);
  EXPECT_DOUBLE_EQ(model.rope.attention_factor, 1.0);  // mscale == mscale_all_dim
  const double magnitude = 0.1 * std::log(40.0) + 1.0;
  EXPECT_NEAR(model.attention.softmax_scale, magnitude * magnitude / std::sqrt(192.0), 1e-15);
  // Absent keys mean what the class says.
  boost::json::object text = parse_json(kDeepseekText, "test config").as_object();
  for (const char* key : {"n_group", "topk_group", "first_k_dense_replace", "moe_layer_freq", "scoring_func",
                          "topk_method", "norm_topk_prob", "n_shared_experts"}) {
    text = without(text, key);
  }
  EXPECT_EQ(parse_config(text), model);
  EXPECT_EQ(parse_config(with(kDeepseekText, "moe_layer_freq", "2")).layer_is_moe,
            (std::vector<bool>{false, false, false, false, true, false}));
}

TEST(Architecture, Qwen3) {
  const ModelConfig model = parse_config(kQwen3Text);
  EXPECT_EQ(model.attention.kind, AttentionKind::kGrouped);
  EXPECT_TRUE(model.attention.qk_norm);
  EXPECT_EQ(model.attention.n_heads, 8);
  EXPECT_EQ(model.attention.n_kv_heads, 2);
  EXPECT_EQ(model.attention.head_dim, 64);
  EXPECT_DOUBLE_EQ(model.attention.softmax_scale, 1.0 / 8.0);
  EXPECT_EQ(model.rope.layout, RopeLayout::kHalves);
  EXPECT_TRUE(model.tie_word_embeddings);
  EXPECT_EQ(model.moe.n_experts, 0);
  EXPECT_EQ(model.layer_is_moe, std::vector<bool>(4, false));
  EXPECT_EQ(parse_config(without(kQwen3Text, "head_dim")).attention.head_dim, 128);
}

TEST(Architecture, Qwen3Moe) {
  const ModelConfig model = parse_config(kQwen3MoeText);
  EXPECT_TRUE(model.attention.qk_norm);
  EXPECT_EQ(model.moe.scoring, RouterScoring::kSoftmax);
  EXPECT_FALSE(model.moe.correction_bias);
  EXPECT_EQ(model.moe.scaling, 1.0);
  EXPECT_EQ(model.moe.n_experts, 16);
  EXPECT_EQ(model.moe.top_k, 4);
  EXPECT_EQ(model.moe.shared_intermediate_size, 0);
  EXPECT_TRUE(model.moe.normalize_top_k);
  EXPECT_EQ(model.layer_is_moe, std::vector<bool>(4, true));
  EXPECT_FALSE(parse_config(without(kQwen3MoeText, "norm_topk_prob")).moe.normalize_top_k);
  EXPECT_EQ(parse_config(with(kQwen3MoeText, "decoder_sparse_step", "2")).layer_is_moe,
            (std::vector<bool>{false, true, false, true}));
  EXPECT_EQ(parse_config(with(kQwen3MoeText, "mlp_only_layers", "[0, 3]")).layer_is_moe,
            (std::vector<bool>{false, true, true, false}));
  EXPECT_EQ(parse_config(without(kQwen3MoeText, "head_dim")).attention.head_dim, 32);
}

TEST(Architecture, Llama) {
  const ModelConfig model = parse_config(kLlamaText);
  EXPECT_FALSE(model.attention.qk_norm);
  EXPECT_EQ(model.attention.head_dim, 32);
  EXPECT_EQ(model.rope.theta, 500000.0);
  EXPECT_EQ(parse_config(without(kLlamaText, "num_key_value_heads")).attention.n_kv_heads, 8);
  EXPECT_EQ(parse_config(with(kLlamaText, "head_dim", "64")).attention.head_dim, 64);
  EXPECT_EQ(parse_config(without(kLlamaText, "rope_theta")).rope.theta, 10000.0);
  EXPECT_EQ(parse_config(with(kLlamaText, "attention_bias", "true")), model);
}

TEST(Architecture, ExpertCountInEverySpelling) {
  const ModelConfig model = parse_config(kQwen3MoeText);
  const boost::json::object none = without(kQwen3MoeText, "num_experts");
  for (const char* key : {"num_experts", "num_local_experts", "n_routed_experts"}) {
    EXPECT_EQ(parse_config(with(none, key, "16")), model) << key;
  }
  EXPECT_EQ(parse_config(with(kQwen3MoeText, "num_local_experts", "16")), model);
  expect_error(ErrorCode::kBadFile, "num_local_experts",
               [] { parse_config(with(kQwen3MoeText, "num_local_experts", "8")); });
  expect_error(ErrorCode::kBadFile, "num_experts", [&] { parse_config(none); });
  const boost::json::object glm = without(kGlmText, "n_routed_experts");
  EXPECT_EQ(parse_config(with(glm, "num_local_experts", "16")), parse_config(kGlmText));
}

TEST(Architecture, BundledModelParses) {
  const ModelConfig model = parse_file(fs::path(MARLIN_SOURCE_DIR) / "models" / "demo" / "config.json");
  EXPECT_EQ(model.architecture, "glm4_moe_lite");
  EXPECT_EQ(model.n_layers, 8);
  EXPECT_EQ(model.attention.kv_lora_rank, 128);
  EXPECT_DOUBLE_EQ(model.attention.softmax_scale, 1.0 / std::sqrt(128.0));
  EXPECT_EQ(std::count(model.layer_is_moe.begin(), model.layer_is_moe.end(), true), 7);
}

class FixtureConfigs : public ::testing::Test {
 protected:
  void SetUp() override {
    MARLIN_SKIP_WITHOUT_FIXTURES();
    models_ = fixture("models");
  }
  [[nodiscard]] ModelConfig parse(const std::string& name) const { return parse_file(models_ / name / "config.json"); }
  fs::path models_;
};

TEST_F(FixtureConfigs, AllParse) {
  std::size_t n_models = 0;
  for (const auto& entry : fs::directory_iterator(models_)) {
    const ModelConfig model = parse_file(entry.path() / "config.json");
    EXPECT_EQ(model.vocab_size, 4096) << entry.path();
    EXPECT_EQ(model.layer_is_moe.size(), static_cast<std::size_t>(model.n_layers)) << entry.path();
    ++n_models;
  }
  EXPECT_GE(n_models, 10U);
}

TEST_F(FixtureConfigs, QuantizedCopiesWithBothSpellingsMatchTheirSources) {
  EXPECT_EQ(parse("random-llama"), parse("random-llama-exl3-mcg-3bpw"));
  EXPECT_EQ(parse("random-llama").rope.scaling, RopeScaling::kLlama3);
  EXPECT_EQ(parse("random-qwen3_moe"), parse("random-qwen3_moe-exl3-mul1-4bpw"));
  EXPECT_EQ(parse("tiny-glm4-moe-lite"), parse("tiny-glm4-moe-lite-exl3-3inst-3bpw"));
  ModelConfig deepseek = parse("tiny-glm4-moe-lite-exl3-mcg-3bpw");
  EXPECT_EQ(deepseek.architecture, "deepseek_v3");
  deepseek.architecture = "glm4_moe_lite";
  EXPECT_EQ(deepseek, parse("tiny-glm4-moe-lite"));
}

}  // namespace
}  // namespace marlin
