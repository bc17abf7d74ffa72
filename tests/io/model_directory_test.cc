// SPDX-License-Identifier: Apache-2.0
// ModelDirectory: the bundled model and the fixtures as they are, and directories that are wrong in one way each.
#include "io/model_directory.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "io/json.h"
#include "tests/io/expect_error.h"
#include "tests/io/temporary_directory.h"
#include "tests/support/fixtures.h"

namespace marlin {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::safetensors_image;
using test::TemporaryDirectory;

const fs::path kDemo = fs::path(MARLIN_SOURCE_DIR) / "models" / "demo";

/// A file of one 4-byte tensor per name.
std::string shard_of(const std::vector<std::string>& names) {
  std::string header = "{";
  for (std::size_t i = 0; i < names.size(); ++i) {
    header += (i == 0 ? "\"" : ",\"") + names[i] + "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" +
              std::to_string(4 * i) + "," + std::to_string(4 * i + 4) + "]}";
  }
  return safetensors_image(header + "}", std::string(4 * names.size(), '\0'));
}

TEST(ModelDirectory, OpensTheBundledModel) {
  const ModelDirectory directory = ModelDirectory::open(kDemo);
  EXPECT_EQ(directory.config().at("model_type"), "glm4_moe_lite");
  ASSERT_NE(directory.quantization_config(), nullptr);
  EXPECT_EQ(directory.quantization_config()->at("quant_method"), "exl3");
  ASSERT_TRUE(directory.tokenizer_path());
  EXPECT_TRUE(fs::exists(*directory.tokenizer_path()));
  EXPECT_TRUE(directory.tokenizer_config_path());
  EXPECT_TRUE(directory.generation_config_path());
  ASSERT_TRUE(directory.chat_template());
  EXPECT_NE(directory.chat_template()->find("{%"), std::string::npos);
  ASSERT_EQ(directory.files().size(), 1U);
  std::size_t bytes = 0;
  for (const TensorView* tensor : directory.tensors()) {
    bytes += tensor->bytes;
    EXPECT_EQ(directory.find(tensor->name), tensor);
  }
  EXPECT_EQ(directory.total_bytes(), bytes);
  EXPECT_LE(bytes, directory.files()[0].file().size());
  const TensorView* embedding = directory.find("model.embed_tokens.weight");
  ASSERT_NE(embedding, nullptr);
  EXPECT_EQ(embedding->shape, (std::vector<std::int64_t>{4096, 256}));
  EXPECT_EQ(directory.find("model.absent.weight"), nullptr);
}

TEST(ModelDirectory, MovingKeepsTensorsValid) {
  ModelDirectory first = ModelDirectory::open(kDemo);
  const TensorView* norm = first.find("model.norm.weight");
  ASSERT_NE(norm, nullptr);
  const ModelDirectory second = std::move(first);
  EXPECT_EQ(second.find("model.norm.weight"), norm);
  EXPECT_EQ(norm->name, "model.norm.weight");
  EXPECT_EQ(norm->data, second.files()[0].file().bytes().data() + norm->file_offset);
}

TEST(ModelDirectory, OpensEveryFixture) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  std::size_t n_models = 0;
  std::size_t n_sharded = 0;
  for (const auto& entry : fs::directory_iterator(test::fixture("models"))) {
    const ModelDirectory directory = ModelDirectory::open(entry.path());
    ++n_models;
    n_sharded += directory.files().size() > 1 ? 1 : 0;
    EXPECT_NE(directory.find("model.norm.weight"), nullptr) << entry.path();
    EXPECT_EQ(directory.find("ids"), nullptr) << "a golden file was taken for a shard in " << entry.path();
    if (fs::exists(entry.path() / "model.safetensors.index.json")) {
      EXPECT_EQ(directory.total_bytes(),
                static_cast<std::size_t>(read_json_file(entry.path() / "model.safetensors.index.json", 1 << 24)
                                             .at("metadata")
                                             .at("total_size")
                                             .as_int64()))
          << entry.path();
    }
  }
  EXPECT_GE(n_models, 10U);
  EXPECT_GE(n_sharded, 4U);
}

TEST(ModelDirectory, SaysWhatItLookedFor) {
  const TemporaryDirectory directory;
  expect_error(ErrorCode::kNotFound, "nowhere", [&] { ModelDirectory::open(directory.path() / "nowhere"); });
  expect_error(ErrorCode::kNotFound, "config.json", [&] { ModelDirectory::open(directory.path() / "nowhere"); });
  expect_error(ErrorCode::kNotFound, "config.json", [&] { ModelDirectory::open(directory.path()); });
  const auto file = directory.write("config.json", "{}");
  expect_error(ErrorCode::kNotFound, "it is a file", [&] { ModelDirectory::open(file); });
  expect_error(ErrorCode::kNotFound, "model.safetensors.index.json", [&] { ModelDirectory::open(directory.path()); });
  directory.write("config.json", "[]");
  expect_error(ErrorCode::kBadFile, "config.json", [&] { ModelDirectory::open(directory.path()); });
  directory.write("config.json", "{");
  expect_error(ErrorCode::kBadFile, "config.json", [&] { ModelDirectory::open(directory.path()); });
}

class ShardedDirectory : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_.write("config.json", "{}");
    directory_.write("one.safetensors", shard_of({"a", "b"}));
    directory_.write("two.safetensors", shard_of({"c", "extra"}));
  }
  void write_index(const std::string& weight_map) {
    directory_.write("model.safetensors.index.json", "{\"metadata\":{},\"weight_map\":" + weight_map + "}");
  }
  void expect_refused(ErrorCode code, std::string_view culprit) {
    expect_error(code, culprit, [&] { ModelDirectory::open(directory_.path()); });
  }
  const TemporaryDirectory directory_;
};

TEST_F(ShardedDirectory, OpensAllShards) {
  write_index("{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\",\"c\":\"two.safetensors\"}");
  const ModelDirectory directory = ModelDirectory::open(directory_.path());
  EXPECT_EQ(directory.files().size(), 2U);
  EXPECT_EQ(directory.tensors().size(), 4U);
  EXPECT_NE(directory.find("extra"), nullptr);
  EXPECT_EQ(directory.total_bytes(), 16U);
  EXPECT_FALSE(directory.tokenizer_path());
  EXPECT_FALSE(directory.chat_template());
  EXPECT_FALSE(directory.generation_config_path());
}

TEST_F(ShardedDirectory, SingleFileWinsOverAnIndex) {
  write_index("{\"a\":\"one.safetensors\"}");
  directory_.write("model.safetensors", shard_of({"single"}));
  EXPECT_NE(ModelDirectory::open(directory_.path()).find("single"), nullptr);
}

TEST_F(ShardedDirectory, AbsentShard) {
  write_index("{\"a\":\"one.safetensors\",\"d\":\"three.safetensors\"}");
  expect_refused(ErrorCode::kNotFound, "three.safetensors");
}

TEST_F(ShardedDirectory, NamesThatAreNotPlainFiles) {
  directory_.write("outside", "x");
  for (const char* name : {"../one.safetensors", "sub/one.safetensors", "/etc/passwd", "..", "", "one.bin",
                           ".safetensors", "..\\\\one.safetensors", "one\\u0000.safetensors"}) {
    write_index("{\"culprit\":\"" + std::string(name) + "\"}");
    expect_refused(ErrorCode::kBadFile, "culprit");
  }
  write_index("{\"culprit\":7}");
  expect_refused(ErrorCode::kBadFile, "culprit");
}

TEST_F(ShardedDirectory, TensorMissingFromItsShard) {
  write_index("{\"a\":\"one.safetensors\",\"c\":\"one.safetensors\"}");
  expect_refused(ErrorCode::kBadFile, "'c'");
  expect_refused(ErrorCode::kBadFile, "one.safetensors");
}

TEST_F(ShardedDirectory, TensorInTwoShards) {
  directory_.write("two.safetensors", shard_of({"c", "b"}));
  write_index("{\"a\":\"one.safetensors\",\"c\":\"two.safetensors\"}");
  expect_refused(ErrorCode::kBadFile, "'b'");
}

TEST_F(ShardedDirectory, BrokenIndex) {
  const auto index = "model.safetensors.index.json";
  for (const char* text : {"", "{", "[]", "{}", "{\"weight_map\":[]}", "{\"weight_map\":{}}",
                           "{\"weight_map\":{\"a\":\"one.safetensors\",\"a\":\"two.safetensors\"}}"}) {
    directory_.write(index, text);
    expect_refused(ErrorCode::kBadFile, index);
  }
}

TEST_F(ShardedDirectory, BrokenShardIsNamed) {
  directory_.write("two.safetensors", shard_of({"c"}).substr(0, 20));
  write_index("{\"a\":\"one.safetensors\",\"c\":\"two.safetensors\"}");
  expect_refused(ErrorCode::kBadFile, "two.safetensors");
}

class SingleFileDirectory : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_.write("config.json", "{}");
    directory_.write("model.safetensors", shard_of({"a"}));
  }
  const TemporaryDirectory directory_;
};

TEST_F(SingleFileDirectory, OtherQuantizationsAreNamed) {
  for (const char* method : {"fp8", "gptq", "awq", "bitsandbytes", ""}) {
    directory_.write("config.json", "{\"quantization_config\":{\"quant_method\":\"" + std::string(method) + "\"}}");
    expect_error(ErrorCode::kUnsupported, "'" + std::string(method) + "'",
                 [&] { ModelDirectory::open(directory_.path()); });
  }
  directory_.write("config.json", R"({"quantization_config":{"bits":4}})");
  expect_error(ErrorCode::kUnsupported, "quant_method", [&] { ModelDirectory::open(directory_.path()); });
  directory_.write("config.json", R"({"quantization_config":7})");
  expect_error(ErrorCode::kBadFile, "quantization_config", [&] { ModelDirectory::open(directory_.path()); });
}

TEST_F(SingleFileDirectory, ForeignTileOrderIsNamed) {
  directory_.write("config.json", R"({"quantization_config":{"quant_method":"exl3","tile_order":"sm70_colmajor"}})");
  expect_error(ErrorCode::kUnsupported, "sm70_colmajor", [&] { ModelDirectory::open(directory_.path()); });
  directory_.write("config.json", R"({"quantization_config":{"quant_method":"exl3","tile_order":null}})");
  EXPECT_NO_THROW(ModelDirectory::open(directory_.path()));
  directory_.write("config.json", R"({"quantization_config":null})");
  EXPECT_EQ(ModelDirectory::open(directory_.path()).quantization_config(), nullptr);
}

TEST_F(SingleFileDirectory, ChatTemplateIsTheTextOfItsFile) {
  EXPECT_FALSE(ModelDirectory::open(directory_.path()).chat_template());
  directory_.write("chat_template.jinja", "text\n");
  EXPECT_EQ(ModelDirectory::open(directory_.path()).chat_template(), "text\n");
}

}  // namespace
}  // namespace marlin
