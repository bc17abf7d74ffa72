// SPDX-License-Identifier: Apache-2.0
// Rotary parameters: both spellings mean the same, every type's numbers, and what is refused.
#include "model/arch/rope_config.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/io/expect_error.h"
#include "tests/model/arch/config_text.h"

namespace marlin {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): for brevity

/// kLlamaText with the older spelling: rope_theta and rope_scaling.
boost::json::object older(std::string_view scaling) { return with(kLlamaText, "rope_scaling", scaling); }

/// kLlamaText with the newer one: everything in rope_parameters.
boost::json::object newer(std::string_view parameters) {
  return with(without(kLlamaText, "rope_theta"), "rope_parameters", parameters);
}

TEST(RopeConfig, DefaultTypeInEverySpelling) {
  const ModelConfig plain = parse_config(kLlamaText);
  EXPECT_EQ(plain.rope.scaling, RopeScaling::kNone);
  EXPECT_EQ(parse_config(older("null")), plain);
  EXPECT_EQ(parse_config(older("{}")), plain);
  EXPECT_EQ(parse_config(older(R"({"type": "default"})")), plain);
  EXPECT_EQ(parse_config(newer(R"({"rope_type": "default", "rope_theta": 500000.0})")), plain);
  EXPECT_EQ(parse_config(newer(R"({"rope_theta": 500000})")), plain);
}

TEST(RopeConfig, Linear) {
  const ModelConfig model = parse_config(older(R"({"type": "linear", "factor": 2})"));
  EXPECT_EQ(model.rope.scaling, RopeScaling::kLinear);
  EXPECT_EQ(model.rope.factor, 2.0);
  EXPECT_EQ(parse_config(newer(R"({"rope_type": "linear", "factor": 2.0, "rope_theta": 500000})")), model);
}

TEST(RopeConfig, Llama3) {
  const std::string body =
      R"("factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 512)";
  const ModelConfig model = parse_config(older("{\"rope_type\": \"llama3\", " + body + "}"));
  EXPECT_EQ(model.rope.scaling, RopeScaling::kLlama3);
  EXPECT_EQ(model.rope.factor, 8.0);
  EXPECT_EQ(model.rope.low_freq_factor, 1.0);
  EXPECT_EQ(model.rope.high_freq_factor, 4.0);
  EXPECT_EQ(model.rope.original_max_positions, 512.0);
  EXPECT_EQ(model.max_positions, 2048);
  EXPECT_EQ(parse_config(older("{\"type\": \"llama3\", " + body + "}")), model);
  EXPECT_EQ(parse_config(newer("{\"rope_type\": \"llama3\", \"rope_theta\": 500000.0, " + body + "}")), model);
  // Both at once, as converters write it.
  EXPECT_EQ(parse_config(with(older("{\"rope_type\": \"llama3\", " + body + "}"), "rope_parameters",
                              "{\"rope_type\": \"llama3\", \"rope_theta\": 500000.0, " + body + "}")),
            model);
}

TEST(RopeConfig, RopeScalingWinsOverRopeParametersAndInnerThetaOverOuter) {
  const boost::json::object both = with(older(R"({"type": "linear", "factor": 3})"), "rope_parameters",
                                        R"({"rope_type": "linear", "factor": 5, "rope_theta": 7.0})");
  EXPECT_EQ(parse_config(both).rope.factor, 3.0);
  EXPECT_EQ(parse_config(with(kLlamaText, "rope_parameters", R"({"rope_theta": 7.0})")).rope.theta, 7.0);
}

TEST(RopeConfig, YarnOfGroupedAttention) {
  const ModelConfig model =
      parse_config(older(R"({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024})"));
  EXPECT_EQ(model.rope.scaling, RopeScaling::kYarn);
  EXPECT_DOUBLE_EQ(model.rope.attention_factor, 0.1 * std::log(4.0) + 1.0);
  EXPECT_DOUBLE_EQ(model.attention.softmax_scale, 1.0 / std::sqrt(32.0));
  EXPECT_EQ(model.max_positions, 4096);  // 4 x 1024, more than max_position_embeddings
  const ModelConfig derived = parse_config(older(R"({"type": "yarn", "original_max_position_embeddings": 512})"));
  EXPECT_EQ(derived.rope.factor, 4.0);  // 2048 / 512
  const ModelConfig unstated = parse_config(older(R"({"type": "yarn", "factor": 2})"));
  EXPECT_EQ(unstated.rope.original_max_positions, 2048.0);
}

TEST(RopeConfig, YarnMagnitudes) {
  const auto yarn = [](const std::string& members) {
    return parse_config(
        with(kDeepseekText, "rope_scaling",
             R"({"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096)" + members + "}"));
  };
  const double plain_scale = 1.0 / std::sqrt(192.0);
  const auto magnitude = [](double mscale) { return 0.1 * mscale * std::log(40.0) + 1.0; };
  const ModelConfig ratio = yarn(R"(, "mscale": 0.707, "mscale_all_dim": 1.4)");
  EXPECT_NEAR(ratio.rope.attention_factor, magnitude(0.707) / magnitude(1.4), 1e-15);
  EXPECT_NEAR(ratio.attention.softmax_scale, plain_scale * magnitude(1.4) * magnitude(1.4), 1e-15);
  const ModelConfig neither = yarn("");
  EXPECT_NEAR(neither.rope.attention_factor, magnitude(1.0), 1e-15);
  EXPECT_NEAR(neither.attention.softmax_scale, plain_scale, 1e-15);
  const ModelConfig zero = yarn(R"(, "mscale": 0.5, "mscale_all_dim": 0)");
  EXPECT_NEAR(zero.rope.attention_factor, magnitude(1.0), 1e-15);
  EXPECT_NEAR(zero.attention.softmax_scale, plain_scale, 1e-15);
  const ModelConfig given = yarn(R"(, "mscale": 0.707, "mscale_all_dim": 1.4, "attention_factor": 1.25)");
  EXPECT_EQ(given.rope.attention_factor, 1.25);
  EXPECT_NEAR(given.attention.softmax_scale, ratio.attention.softmax_scale, 1e-15);
}

TEST(RopeConfig, YarnInBothSpellings) {
  const std::string body = R"("beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0,
                              "original_max_position_embeddings": 4096)";
  const boost::json::object text = without(without(kDeepseekText, "rope_theta"), "rope_scaling");
  EXPECT_EQ(
      parse_config(with(text, "rope_parameters", "{\"rope_type\": \"yarn\", \"rope_theta\": 10000.0, " + body + "}")),
      parse_config(kDeepseekText));
}

TEST(RopeConfig, OtherTypesAreNamed) {
  for (const char* type : {"dynamic", "longrope", "su", "mrope", "proportional"}) {
    const std::string scaling = "{\"type\": \"" + std::string(type) + "\", \"factor\": 2.0}";
    expect_error(ErrorCode::kUnsupported, type, [&] { parse_config(older(scaling)); });
  }
  expect_error(ErrorCode::kUnsupported, "sliding_attention", [] {
    parse_config(newer(R"({"sliding_attention": {"rope_theta": 1.0}, "full_attention": {"rope_theta": 1.0}})"));
  });
  expect_error(ErrorCode::kUnsupported, "partial_rotary_factor",
               [] { parse_config(with(kLlamaText, "partial_rotary_factor", "0.5")); });
  expect_error(ErrorCode::kUnsupported, "partial_rotary_factor",
               [] { parse_config(newer(R"({"rope_theta": 5.0, "partial_rotary_factor": 0.25})")); });
  expect_error(ErrorCode::kUnsupported, "truncate",
               [] { parse_config(older(R"({"type": "yarn", "factor": 2, "truncate": false})")); });
}

TEST(RopeConfig, BadNumbersAreNamed) {
  const auto refused = [](std::string_view key, std::string_view scaling) {
    expect_error(ErrorCode::kBadFile, key, [&] { parse_config(older(scaling)); });
  };
  refused("factor", R"({"type": "linear"})");
  refused("factor", R"({"type": "linear", "factor": 0})");
  refused("factor", R"({"type": "linear", "factor": "2"})");
  refused("factor", R"({"type": "linear", "factor": 1e400})");
  refused("factor", R"({"type": "yarn", "factor": -4})");
  refused("low_freq_factor", R"({"type": "llama3", "factor": 8})");
  refused("high_freq_factor", R"({"type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4})");
  refused("beta_fast", R"({"type": "yarn", "factor": 8, "beta_fast": 1, "beta_slow": 2})");
  refused("original_max_position_embeddings",
          R"({"type": "yarn", "factor": 8, "original_max_position_embeddings": 0})");
  refused("mscale", R"({"type": "yarn", "factor": 8, "mscale": -1})");
  refused("rope_theta", R"({"type": "yarn", "factor": 8, "rope_theta": 1.0})");
  refused("rope_scaling", "[]");
  refused("rope_type", R"({"rope_type": 3})");
  for (const char* theta : {"0", "-1", "1e400", "\"10000\"", "[]"}) {
    expect_error(ErrorCode::kBadFile, "rope_theta", [&] { parse_config(with(kLlamaText, "rope_theta", theta)); });
  }
}

}  // namespace
}  // namespace marlin
