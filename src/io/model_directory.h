// SPDX-License-Identifier: Apache-2.0
// A HuggingFace model directory, opened in place: its JSON documents, its chat template and every tensor of its
// safetensors shards, mapped. Every program that loads a model starts here. Surprise: tensors that stand in a shard but
// not in the index are served too; the index only has to be true, not complete.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/safetensors.h"

namespace marlin {

class ModelDirectory {
 public:
  /// Opens `path` and maps all shards. Errors: kNotFound when it is not a model directory or a shard is absent,
  /// kBadFile for malformed files, kUnsupported for a quantization other than EXL3 in its stock tile order.
  static ModelDirectory open(const std::filesystem::path& path);

  ModelDirectory(ModelDirectory&&) noexcept = default;
  ModelDirectory& operator=(ModelDirectory&&) noexcept = default;
  ModelDirectory(const ModelDirectory&) = delete;
  ModelDirectory& operator=(const ModelDirectory&) = delete;
  ~ModelDirectory() = default;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// config.json, a JSON object; for parse_model_config.
  [[nodiscard]] const boost::json::value& config() const noexcept { return config_; }

  /// `quantization_config` of config.json, or null for a model without one.
  [[nodiscard]] const boost::json::object* quantization_config() const;

  /// Paths of optional documents, where they exist.
  [[nodiscard]] const std::optional<std::filesystem::path>& tokenizer_path() const noexcept { return tokenizer_path_; }
  [[nodiscard]] const std::optional<std::filesystem::path>& tokenizer_config_path() const noexcept {
    return tokenizer_config_path_;
  }
  [[nodiscard]] const std::optional<std::filesystem::path>& generation_config_path() const noexcept {
    return generation_config_path_;
  }

  /// The text of chat_template.jinja, if there is one. (Older models keep it in tokenizer_config.json: ChatTemplate.)
  [[nodiscard]] const std::optional<std::string>& chat_template() const noexcept { return chat_template_; }

  /// Null when no shard has it. Pointers live as long as this object, moved or not.
  [[nodiscard]] const TensorView* find(std::string_view name) const;

  /// All tensors, by shard and then as in its header.
  [[nodiscard]] std::span<const TensorView* const> tensors() const noexcept { return tensors_; }

  /// Sum of the tensors' bytes.
  [[nodiscard]] std::size_t total_bytes() const noexcept { return total_bytes_; }

  /// The shards, in order of their names.
  [[nodiscard]] std::span<const SafetensorsFile> files() const noexcept { return files_; }

 private:
  explicit ModelDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  void read_documents();
  void open_weights();
  void open_shards(const std::filesystem::path& index_path);
  void add_file(const std::filesystem::path& path);

  std::filesystem::path path_;
  boost::json::value config_;
  std::optional<std::filesystem::path> tokenizer_path_;
  std::optional<std::filesystem::path> tokenizer_config_path_;
  std::optional<std::filesystem::path> generation_config_path_;
  std::optional<std::string> chat_template_;
  std::vector<SafetensorsFile> files_;
  std::vector<const TensorView*> tensors_;
  std::map<std::string_view, const TensorView*> by_name_;
  std::size_t total_bytes_ = 0;
};

}  // namespace marlin
