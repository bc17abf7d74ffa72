// SPDX-License-Identifier: Apache-2.0
// The table of architectures. To add one: write <model_type>.cc with a function parse_<model_type>, and add its line to
// MARLIN_ARCHITECTURES (model_type, class name). Nothing else needs to know.
#include <array>
#include <string>

#include "base/error.h"
#include "io/json.h"
#include "io/json_reader.h"
#include "model/arch/architecture.h"

#define MARLIN_ARCHITECTURES(ROW)            \
  ROW(glm4_moe_lite, Glm4MoeLiteForCausalLM) \
  ROW(deepseek_v3, DeepseekV3ForCausalLM)    \
  ROW(qwen3_moe, Qwen3MoeForCausalLM)        \
  ROW(qwen3, Qwen3ForCausalLM)               \
  ROW(llama, LlamaForCausalLM)

namespace marlin {

#define MARLIN_DECLARE(model_type, class_name) ModelConfig parse_##model_type(const boost::json::object& config);
MARLIN_ARCHITECTURES(MARLIN_DECLARE)
#undef MARLIN_DECLARE

namespace {

#define MARLIN_ROW(model_type, class_name) Architecture{#model_type, #class_name, parse_##model_type},
constexpr std::array kArchitectures{MARLIN_ARCHITECTURES(MARLIN_ROW)};
#undef MARLIN_ROW

std::string known_architectures() {
  std::string list;
  for (const Architecture& architecture : kArchitectures) {
    if (!list.empty()) list += ", ";
    list += architecture.model_type;
  }
  return list;
}

/// `model_type` decides; `architectures[0]` only where it is absent, as some converters leave it out.
const Architecture& select(const JsonReader& config) {
  const auto model_type = config.optional_string("model_type");
  std::string_view wanted = model_type.value_or("");
  if (!model_type) {
    const boost::json::array* names = config.optional_array("architectures");
    const boost::json::string* name = names == nullptr || names->empty() ? nullptr : names->front().if_string();
    if (name == nullptr) {
      fail(ErrorCode::kBadFile, "{}: neither 'model_type' nor 'architectures' says what the model is (known: {})",
           config.document(), known_architectures());
    }
    wanted = {name->data(), name->size()};
  }
  for (const Architecture& architecture : kArchitectures) {
    if (wanted == (model_type ? architecture.model_type : architecture.class_name)) return architecture;
  }
  fail(ErrorCode::kUnsupported, "{}: the architecture '{}' is not supported (known: {})", config.document(),
       excerpt(wanted), known_architectures());
}

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

ModelConfig parse_model_config(const boost::json::value& config) {
  const JsonReader reader = JsonReader::of_document(config, "config.json");
  const Architecture& architecture = select(reader);
  ModelConfig model = architecture.parse(reader.json());
  model.architecture = architecture.model_type;
  return model;
}

}  // namespace marlin
