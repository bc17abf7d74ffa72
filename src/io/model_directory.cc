// SPDX-License-Identifier: Apache-2.0
// Opening a model directory: which files count, in which order, and what each may contain.
#include "io/model_directory.h"

#include <system_error>
#include <utility>

#include "base/error.h"
#include "io/json.h"
#include "io/json_reader.h"
#include "io/mapped_file.h"

namespace marlin {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxIndexBytes = std::size_t{100} << 20;
constexpr std::size_t kMaxTemplateBytes = std::size_t{4} << 20;

bool is_present(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::optional<fs::path> if_exists(fs::path path) {
  if (!is_present(path)) return std::nullopt;
  return path;
}

void check_is_directory(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) return;
  fail(ErrorCode::kNotFound,
       "{} is not a model directory: {}. Give the directory that holds config.json, model.safetensors (or "
       "model.safetensors.index.json with its shards) and tokenizer.json",
       path.string(), fs::exists(status) ? "it is a file" : "it does not exist");
}

/// EXL3 is recognised tensor by tensor, so a stock quantization_config says nothing new; what must not pass are other
/// formats, and EXL3 files whose tiles were rearranged for another engine.
void check_quantization(const json::value& config, const fs::path& config_path) {
  const auto quantization =
      JsonReader::of_document(config, config_path.string()).optional_object("quantization_config");
  if (!quantization) return;
  const std::string_view method = quantization->optional_string("quant_method").value_or("");
  if (method != "exl3") {
    fail(ErrorCode::kUnsupported,
         "{}: quantization_config has quant_method '{}'; this engine runs 'exl3' and unquantized (bf16, fp16, fp32) "
         "weights",
         config_path.string(), excerpt(method));
  }
  if (quantization->has("tile_order")) {
    const json::value& order = quantization->json().at("tile_order");
    fail(ErrorCode::kUnsupported,
         "{}: quantization_config has tile_order {}, which is not the stock EXL3 order; take the stock conversion of "
         "this model",
         config_path.string(), excerpt(json::serialize(order)));
  }
}

std::string read_template_file(const fs::path& path) {
  const MappedFile file = MappedFile::open(path);
  if (file.size() > kMaxTemplateBytes) {
    fail(ErrorCode::kBadFile, "{} has {} bytes; at most {} are read", path.string(), file.size(), kMaxTemplateBytes);
  }
  return std::string(file.text());
}

/// A shard is a plain file name: an index must not reach outside its directory.
void check_shard_name(std::string_view name, std::string_view tensor, const fs::path& index_path) {
  constexpr std::string_view kSuffix = ".safetensors";
  const bool plain = name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos &&
                     name.size() > kSuffix.size() && name.substr(name.size() - kSuffix.size()) == kSuffix;
  if (!plain) {
    fail(ErrorCode::kBadFile, "{}: tensor '{}' is said to be in '{}', which is not a plain *.safetensors file name",
         index_path.string(), excerpt(tensor), excerpt(name));
  }
}

}  // namespace

ModelDirectory ModelDirectory::open(const fs::path& path) {
  check_is_directory(path);
  ModelDirectory directory(path);
  directory.read_documents();
  directory.open_weights();
  return directory;
}

const json::object* ModelDirectory::quantization_config() const {
  const json::value* value = config_.as_object().if_contains("quantization_config");
  return value == nullptr ? nullptr : value->if_object();
}

const TensorView* ModelDirectory::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void ModelDirectory::read_documents() {
  const fs::path config_path = path_ / "config.json";
  if (!is_present(config_path)) {
    fail(ErrorCode::kNotFound,
         "{} is not a model directory: it has no config.json (looked for config.json and model.safetensors or "
         "model.safetensors.index.json)",
         path_.string());
  }
  config_ = read_json_file(config_path, kMaxConfigBytes);
  check_quantization(config_, config_path);
  tokenizer_path_ = if_exists(path_ / "tokenizer.json");
  tokenizer_config_path_ = if_exists(path_ / "tokenizer_config.json");
  generation_config_path_ = if_exists(path_ / "generation_config.json");
  if (const auto template_path = if_exists(path_ / "chat_template.jinja")) {
    chat_template_ = read_template_file(*template_path);
  }
}

void ModelDirectory::open_weights() {
  const fs::path single = path_ / "model.safetensors";
  const fs::path index = path_ / "model.safetensors.index.json";
  if (is_present(single)) {  // it wins over an index, as in transformers
    add_file(single);
  } else if (is_present(index)) {
    open_shards(index);
  } else {
    fail(ErrorCode::kNotFound,
         "{} has no weights: looked for model.safetensors and model.safetensors.index.json (other formats such as GGUF "
         "or pytorch_model.bin are not read)",
         path_.string());
  }
}

void ModelDirectory::open_shards(const fs::path& index_path) {
  const json::value document = read_json_file(index_path, kMaxIndexBytes);
  const auto weight_map = JsonReader::of_document(document, index_path.string()).optional_object("weight_map");
  if (!weight_map) fail(ErrorCode::kBadFile, "{}: the key 'weight_map' is missing", index_path.string());

  std::map<std::string_view, std::vector<std::string_view>> tensors_of_shard;
  for (const auto& member : weight_map->json()) {
    const std::string_view tensor(member.key().data(), member.key().size());
    const json::string* text = member.value().if_string();
    const std::string_view shard = text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
    check_shard_name(shard, tensor, index_path);
    tensors_of_shard[shard].push_back(tensor);
  }
  if (tensors_of_shard.empty()) fail(ErrorCode::kBadFile, "{}: weight_map names no tensors", index_path.string());

  for (const auto& [shard, tensors] : tensors_of_shard) {
    if (!is_present(path_ / shard)) {
      fail(ErrorCode::kNotFound, "{} names the shard '{}', which is not in {}; the download may be incomplete",
           index_path.string(), excerpt(shard), path_.string());
    }
  }
  files_.reserve(tensors_of_shard.size());
  for (const auto& [shard, tensors] : tensors_of_shard) {
    add_file(path_ / shard);
    for (const std::string_view tensor : tensors) {
      if (files_.back().find(tensor) == nullptr) {
        fail(ErrorCode::kBadFile, "{} says that tensor '{}' is in {}, but it is not", index_path.string(),
             excerpt(tensor), excerpt(shard));
      }
    }
  }
}

void ModelDirectory::add_file(const fs::path& path) {
  files_.push_back(SafetensorsFile::open(path));
  for (const TensorView& tensor : files_.back().tensors()) {
    const auto [other, added] = by_name_.emplace(tensor.name, &tensor);
    if (!added) {
      fail(ErrorCode::kBadFile, "tensor '{}' is in two files of {}; one of them is {}", excerpt(tensor.name),
           path_.string(), path.filename().string());
    }
    tensors_.push_back(&tensor);
    total_bytes_ += tensor.bytes;
  }
}

}  // namespace marlin
