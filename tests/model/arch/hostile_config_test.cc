// SPDX-License-Identifier: Apache-2.0
// Every key of every architecture, wrong in every way: each config must give an Error that names the key.
#include <gtest/gtest.h>

#include <map>

#include "tests/io/expect_error.h"
#include "tests/model/arch/config_text.h"

namespace marlin {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): for brevity

const std::vector<std::string> kDecoderKeys = {"vocab_size",         "hidden_size",  "num_hidden_layers",
                                               "intermediate_size",  "rms_norm_eps", "max_position_embeddings",
                                               "num_attention_heads"};

struct Case {
  std::string_view text;
  std::vector<std::string> required;  // besides kDecoderKeys
};

const std::vector<Case> kCases = {
    {kLlamaText, {}},
    {kQwen3Text, {}},
    {kQwen3MoeText, {"num_experts", "num_experts_per_tok", "moe_intermediate_size"}},
    {kGlmText,
     {"kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "n_routed_experts", "num_experts_per_tok",
      "moe_intermediate_size", "routed_scaling_factor"}},
    {kDeepseekText,
     {"kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "n_routed_experts", "num_experts_per_tok",
      "moe_intermediate_size", "routed_scaling_factor"}},
};

TEST(HostileConfig, EveryRequiredKeyIsCheckedForPresenceTypeAndRange) {
  for (const Case& test : kCases) {
    std::vector<std::string> keys = kDecoderKeys;
    keys.insert(keys.end(), test.required.begin(), test.required.end());
    for (const std::string& key : keys) {
      expect_error(ErrorCode::kBadFile, key, [&] { parse_config(without(test.text, key)); });
      for (const char* value : {"null", "\"256\"", "[]", "{}", "true", "0", "-1", "1e400", "1e18", "-1e400",
                                "9223372036854775807", "18446744073709551615", "1e-300"}) {
        SCOPED_TRACE(key + " = " + value);
        expect_error(ErrorCode::kBadFile, key, [&] { parse_config(with(test.text, key, value)); });
      }
    }
  }
}

TEST(HostileConfig, OptionalKeysAreCheckedToo) {
  const std::map<std::string, std::vector<const char*>> wrong = {
      {"num_key_value_heads", {"0", "-2", "\"2\"", "1.5", "1e400"}},
      {"tie_word_embeddings", {"1", "\"true\"", "[]"}},
      {"hidden_act", {"3", "[]"}},
      {"rope_theta", {"0", "\"x\"", "1e400"}},
      {"rope_scaling", {"3", "[]", "\"yarn\""}},
      {"rope_parameters", {"3", "[]", "\"yarn\""}},
      {"partial_rotary_factor", {"\"1\"", "1e400"}},
  };
  for (const Case& test : kCases) {
    for (const auto& entry : wrong) {
      const std::string& key = entry.first;  // clang 14 cannot capture a structured binding
      for (const char* value : entry.second) {
        SCOPED_TRACE(key + " = " + value);
        expect_error(ErrorCode::kBadFile, key, [&] { parse_config(with(test.text, key, value)); });
      }
    }
  }
}

TEST(HostileConfig, GroupedAttentionGeometry) {
  const auto refused = [](std::string_view culprit, std::string_view key, std::string_view value) {
    for (const std::string_view text : {kQwen3Text, kQwen3MoeText, kLlamaText}) {
      expect_error(ErrorCode::kBadFile, culprit, [&] { parse_config(with(text, key, value)); });
    }
  };
  refused("num_key_value_heads", "num_key_value_heads", "3");
  refused("num_key_value_heads", "num_key_value_heads", "16");
  refused("head_dim", "head_dim", "63");
  refused("head_dim", "head_dim", "0");
  refused("head_dim", "head_dim", "1000000000");
  refused("num_attention_heads", "num_attention_heads", "65536");
  refused("layer_types", "layer_types", "3");
  expect_error(ErrorCode::kBadFile, "hidden_size", [] { parse_config(with(kLlamaText, "hidden_size", "255")); });
}

TEST(HostileConfig, LatentAttentionGeometry) {
  const auto refused = [](std::string_view key, std::string_view value) {
    expect_error(ErrorCode::kBadFile, key, [&] { parse_config(with(kGlmText, key, value)); });
  };
  refused("qk_rope_head_dim", "15");
  refused("qk_rope_head_dim", "1");
  refused("q_lora_rank", "-1");
  refused("q_lora_rank", "\"128\"");
  refused("rope_interleave", "1");
  refused("v_head_dim", "65537");
  expect_error(ErrorCode::kUnsupported, "num_key_value_heads",
               [] { parse_config(with(kGlmText, "num_key_value_heads", "2")); });
}

TEST(HostileConfig, Experts) {
  const auto refused = [](std::string_view text, std::string_view key, std::string_view value) {
    expect_error(ErrorCode::kBadFile, key, [&] { parse_config(with(text, key, value)); });
  };
  refused(kGlmText, "num_experts_per_tok", "17");
  refused(kQwen3MoeText, "num_experts_per_tok", "17");
  refused(kGlmText, "n_routed_experts", "4097");
  refused(kGlmText, "n_group", "3");
  refused(kGlmText, "n_group", "16");  // groups of one
  refused(kGlmText, "topk_group", "2");
  refused(kDeepseekText, "topk_group", "9");
  refused(kDeepseekText, "num_experts_per_tok", "129");  // 4 groups of 32
  refused(kGlmText, "n_shared_experts", "-1");
  refused(kGlmText, "n_shared_experts", "1000");
  refused(kGlmText, "first_k_dense_replace", "-1");
  refused(kGlmText, "moe_layer_freq", "0");
  refused(kGlmText, "norm_topk_prob", "1");
  refused(kGlmText, "mlp_layer_types", "[\"dense\"]");
  refused(kGlmText, "mlp_layer_types", R"(["dense","x","x","x","x","x","x","x"])");
  refused(kGlmText, "mlp_layer_types", "7");
  refused(kQwen3MoeText, "decoder_sparse_step", "0");
  refused(kQwen3MoeText, "mlp_only_layers", "[-1]");
  refused(kQwen3MoeText, "mlp_only_layers", "[\"0\"]");
  refused(kQwen3MoeText, "mlp_only_layers", "3");
}

TEST(HostileConfig, WhatWeDoNotRunIsUnsupported) {
  const auto refused = [](std::string_view text, std::string_view key, std::string_view value) {
    expect_error(ErrorCode::kUnsupported, key, [&] { parse_config(with(text, key, value)); });
  };
  for (const Case& test : kCases) refused(test.text, "hidden_act", "\"gelu\"");
  for (const std::string_view text : {kQwen3Text, kQwen3MoeText}) {
    refused(text, "use_sliding_window", "true");
    refused(text, "layer_types", R"(["full_attention", "sliding_attention"])");
  }
  refused(kDeepseekText, "scoring_func", "\"softmax\"");
  refused(kDeepseekText, "topk_method", "\"group_limited_greedy\"");
}

}  // namespace
}  // namespace marlin
