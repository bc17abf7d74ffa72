// SPDX-License-Identifier: Apache-2.0
// The architectures this engine runs. Adding one = one file here that fills a ModelConfig from config.json, and its
// line in registry.cc.
#pragma once

#include <boost/json.hpp>
#include <span>
#include <string_view>

#include "model/config.h"

namespace marlin {

struct Architecture {
  std::string_view model_type;  // "glm4_moe_lite"
  std::string_view class_name;  // "Glm4MoeLiteForCausalLM"
  ModelConfig (*parse)(const boost::json::object& config);
};

/// All of them, in the order they are listed to users.
std::span<const Architecture> architectures();

/// Reads a parsed config.json: picks the architecture by `model_type` (or, without one, by `architectures[0]`) and
/// validates every number. Errors: kUnsupported for an unknown architecture (lists those known), kBadFile naming the
/// key otherwise.
ModelConfig parse_model_config(const boost::json::value& config);

}  // namespace marlin
