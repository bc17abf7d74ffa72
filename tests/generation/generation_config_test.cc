// SPDX-License-Identifier: Apache-2.0
// Defaults read from generation_config.json and config.json.
#include "generation/generation_config.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "io/json.h"
#include "metal_marlin/error.h"

namespace marlin {
namespace {

using Ids = std::vector<std::int32_t>;

GenerationDefaults read(std::optional<std::string> generation_config, std::optional<std::string> config = {}) {
  boost::json::value first;
  boost::json::value second;
  if (generation_config) {
    first = parse_json(*generation_config, "generation_config.json");
  }
  if (config) {
    second = parse_json(*config, "config.json");
  }
  return read_generation_defaults(generation_config ? &first : nullptr, config ? &second : nullptr);
}

std::string error_of(std::optional<std::string> generation_config, std::optional<std::string> config = {}) {
  try {
    read(std::move(generation_config), std::move(config));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadFile);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

void expect_contains(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    EXPECT_NE(text.find(part), std::string::npos) << "'" << text << "' lacks '" << part << "'";
  }
}

TEST(GenerationDefaults, AbsentFilesAreNeutral) {
  const GenerationDefaults defaults = read({}, {});
  EXPECT_EQ(defaults.sampling, SamplingOptions{});
  EXPECT_EQ(defaults.eos_token_ids, Ids{});
}

TEST(GenerationDefaults, AllKeys) {
  const GenerationDefaults defaults = read(R"({"do_sample": true, "temperature": 1, "top_k": 20, "top_p": 0.9,
      "min_p": 0.05, "repetition_penalty": 1.1, "eos_token_id": 7, "unknown": {}})");
  EXPECT_EQ(defaults.sampling,
            (SamplingOptions{.temperature = 1.0, .top_k = 20, .top_p = 0.9, .min_p = 0.05, .repetition_penalty = 1.1}));
  EXPECT_EQ(defaults.eos_token_ids, (Ids{7}));
}

TEST(GenerationDefaults, DoSample) {
  EXPECT_EQ(read(R"({"do_sample": false, "temperature": 0.7, "top_p": 0.8})").sampling,
            (SamplingOptions{.temperature = 0.0, .top_p = 0.8}));
  EXPECT_EQ(read(R"({"temperature": 0.7})").sampling.temperature, 0.7);
  EXPECT_EQ(read(R"({"do_sample": null, "temperature": null, "top_k": null})").sampling, SamplingOptions{});
}

TEST(GenerationDefaults, TopKOff) {
  EXPECT_EQ(read(R"({"top_k": 0})").sampling.top_k, 0);
  EXPECT_EQ(read(R"({"top_k": -1})").sampling.top_k, 0);
}

TEST(GenerationDefaults, EosTokens) {
  EXPECT_EQ(read(R"({"eos_token_id": [9, 3, 9]})", R"({"eos_token_id": 1})").eos_token_ids, (Ids{3, 9}));
  EXPECT_EQ(read(R"({"temperature": 1})", R"({"eos_token_id": 1})").eos_token_ids, (Ids{1}));
  EXPECT_EQ(read(R"({"eos_token_id": null})", R"({"eos_token_id": [2, 1]})").eos_token_ids, (Ids{1, 2}));
  EXPECT_EQ(read(R"({"eos_token_id": []})", R"({"eos_token_id": 4})").eos_token_ids, (Ids{4}));
  EXPECT_EQ(read({}, R"({"eos_token_id": 0})").eos_token_ids, (Ids{0}));
  EXPECT_EQ(read(R"({})", R"({"eos_token_id": null})").eos_token_ids, Ids{});
}

TEST(GenerationDefaults, SamplingOfConfigJsonIsNotRead) {
  EXPECT_EQ(read({}, R"({"temperature": 0.1, "top_k": 3})").sampling, SamplingOptions{});
}

TEST(GenerationDefaults, WrongTypesNameFileAndKey) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"temperature", R"({"temperature": "hot"})"},
      {"temperature", R"({"temperature": -1})"},
      {"temperature", R"({"temperature": true})"},
      {"top_k", R"({"top_k": 1.5})"},
      {"top_k", R"({"top_k": [1]})"},
      {"top_k", R"({"top_k": -2})"},
      {"top_p", R"({"top_p": 0})"},
      {"top_p", R"({"top_p": 1.01})"},
      {"top_p", R"({"top_p": {}})"},
      {"min_p", R"({"min_p": 2})"},
      {"repetition_penalty", R"({"repetition_penalty": 0.0})"},
      {"do_sample", R"({"do_sample": 1})"},
      {"eos_token_id", R"({"eos_token_id": "</s>"})"},
      {"eos_token_id", R"({"eos_token_id": -1})"},
      {"eos_token_id", R"({"eos_token_id": 2147483648})"},
      {"eos_token_id", R"({"eos_token_id": [1, [2]]})"},
      {"eos_token_id", R"({"eos_token_id": [18446744073709551615]})"},
      {"eos_token_id", R"({"eos_token_id": [1, null]})"},
      {"eos_token_id", R"({"eos_token_id": true})"},
  };
  for (const auto& [key, text] : cases) {
    expect_contains(error_of(text), {"generation_config.json", key});
  }
  const std::string error = error_of({}, R"({"eos_token_id": {}})");
  expect_contains(error, {"eos_token_id"});
  EXPECT_EQ(error.find("config.json"), 0U);
  expect_contains(error_of("[1]"), {"generation_config.json"});
  std::string many = R"({"eos_token_id": [0)";
  for (int i = 0; i < 2000; ++i) {
    many += ",1";
  }
  expect_contains(error_of(many + "]}"), {"eos_token_id lists 2001 tokens"});
}

TEST(GenerationDefaults, BundledModel) {
  const std::string folder = std::string(MARLIN_SOURCE_DIR) + "/models/demo/";
  const boost::json::value generation_config = read_json_file(folder + "generation_config.json", 1 << 20);
  const boost::json::value config = read_json_file(folder + "config.json", 1 << 20);
  const GenerationDefaults defaults = read_generation_defaults(&generation_config, &config);
  EXPECT_EQ(defaults.sampling, (SamplingOptions{.temperature = 1.0, .top_p = 0.95}));
  EXPECT_EQ(defaults.eos_token_ids, (Ids{4064, 4070, 4072}));
}

}  // namespace
}  // namespace marlin
