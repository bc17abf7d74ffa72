// SPDX-License-Identifier: Apache-2.0
// Broken models given to the program: one clear line that names the culprit, exit status 1, never a crash.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "io/json.h"
#include "io/safetensors.h"
#include "tests/apps/program_run.h"
#include "tests/io/temporary_directory.h"
#include "tests/support/fixtures.h"

namespace marlin::test {
namespace {

namespace fs = std::filesystem;

std::string read_all(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// A copy of the demo model to be broken.
class HostileModel : public testing::Test {
 protected:
  HostileModel() {
    for (const auto& entry : fs::directory_iterator(demo_model())) {
      fs::copy_file(entry.path(), directory_.path() / entry.path().filename());
    }
  }

  void edit(const std::string& name, const std::function<void(std::string&)>& change) {
    std::string text = read_all(directory_.path() / name);
    change(text);
    directory_.write(name, text);
  }

  void replace(const std::string& name, const std::string& from, const std::string& to) {
    edit(name, [&](std::string& text) {
      const std::size_t at = text.find(from);
      ASSERT_NE(at, std::string::npos) << from;
      text.replace(at, from.size(), to);
    });
  }

  /// Overwrites bytes of a tensor's data, leaving the header alone.
  void poke(const std::string& tensor, std::size_t offset, std::string_view bytes) {
    const std::size_t at = SafetensorsFile::open(directory_.path() / "model.safetensors").find(tensor)->file_offset;
    edit("model.safetensors", [&](std::string& text) { text.replace(at + offset, bytes.size(), bytes); });
  }

  void expect_refused(const std::string& culprit) {
    const ProgramRun run = run_program({"run", "hi", "-n", "2", "-m", directory_.path().string()});
    EXPECT_EQ(run.status, 1) << run.out << run.error;
    EXPECT_NE(run.error.find(culprit), std::string::npos) << run.error;
  }

  TemporaryDirectory directory_;
};

TEST_F(HostileModel, TheCopyItselfRuns) {
  EXPECT_EQ(run_program({"run", "hi", "-n", "2", "-m", directory_.path().string()}).status, 0);
}

TEST_F(HostileModel, NoSuchDirectoryAndNotAModel) {
  EXPECT_EQ(run_program({"run", "hi", "-m", "/nonexistent/model"}).status, 1);
  fs::remove(directory_.path() / "config.json");
  expect_refused("config.json");
}

TEST_F(HostileModel, TruncatedWeights) {
  fs::resize_file(directory_.path() / "model.safetensors", 1000000);
  expect_refused("model.safetensors");
}

TEST_F(HostileModel, HeaderLengthBeyondTheFile) {
  edit("model.safetensors", [](std::string& text) { std::memset(text.data(), 0x7F, 8); });
  expect_refused("model.safetensors");
}

TEST_F(HostileModel, MissingTensor) {
  replace("model.safetensors", "layers.3.mlp.experts.5.up_proj.svh", "layers.3.mlp.experts.5.up_proj.xxx");
  expect_refused("model.layers.3.mlp.experts.5.up_proj");
}

TEST_F(HostileModel, MissingLayer) {
  replace("model.safetensors", "model.layers.2.self_attn.o_proj.trellis", "model.layers.2.self_attn.o_proj.trollis");
  expect_refused("model.layers.2.self_attn.o_proj");
}

TEST_F(HostileModel, NanScale) {
  poke("model.layers.1.mlp.experts.0.gate_proj.suh", 6, std::string_view("\x00\x7E", 2));
  expect_refused("model.layers.1.mlp.experts.0.gate_proj");
}

TEST_F(HostileModel, NanNorm) {
  poke("model.norm.weight", 4, std::string_view("\xFF\xFF", 2));
  expect_refused("model.norm.weight");
}

TEST_F(HostileModel, UnknownCodebookConstant) {
  poke("model.layers.1.self_attn.q_a_proj.mul1", 0, "abcd");
  expect_refused("model.layers.1.self_attn.q_a_proj.mul1");
}

TEST_F(HostileModel, ConfigThatDisagreesWithTheWeights) {
  replace("config.json", "\"hidden_size\": 256", "\"hidden_size\": 512");
  expect_refused("config.json");
}

TEST_F(HostileModel, UnknownArchitecture) {
  replace("config.json", "\"model_type\": \"glm4_moe_lite\"", "\"model_type\": \"perceptron\"");
  expect_refused("glm4_moe_lite");
}

TEST_F(HostileModel, BrokenAndDeepJson) {
  directory_.write("config.json", "{\"model_type\": ");
  expect_refused("config.json");
  directory_.write("config.json", std::string(100000, '['));
  expect_refused("config.json");
}

TEST_F(HostileModel, BrokenTokenizer) {
  directory_.write("tokenizer.json", R"({"model": {"type": "BPE", "vocab": 3}})");
  expect_refused("tokenizer.json");
}

TEST_F(HostileModel, IndexNamesAnAbsentShard) {
  fs::remove(directory_.path() / "model.safetensors");
  directory_.write("model.safetensors.index.json", R"({"weight_map": {"lm_head.weight": "gone.safetensors"}})");
  expect_refused("gone.safetensors");
}

TEST_F(HostileModel, EndlessTemplate) {
  directory_.write("chat_template.jinja", "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}");
  expect_refused("chat_template.jinja");
  directory_.write("chat_template.jinja", "{% for i in range(10 ** 15) %}{{ 'x' * 1000000 }}{% endfor %}");
  expect_refused("chat_template.jinja");
}

TEST_F(HostileModel, OverLongPrompt) {
  std::string prompt;
  for (int i = 0; i < 20000; ++i) prompt += "fox lamp ";
  const ProgramRun run = run_program({"run", "-n", "2", "-m", directory_.path().string()}, prompt);
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.error.find("context"), std::string::npos) << run.error;
}

}  // namespace
}  // namespace marlin::test
