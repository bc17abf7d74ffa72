// SPDX-License-Identifier: Apache-2.0
// A conversation that the model is to go on with, in the fields of chat completions. Every endpoint with conversations
// comes through here: those of other APIs put their requests into these fields first.
#pragma once

#include <boost/json.hpp>

#include "io/json_reader.h"
#include "serving/api/served_model.h"

namespace marlin::api {

struct ChatRequest {
  BatchRequest generation;
  boost::json::array tools;  ///< those that the model was told of
  bool starts_in_reasoning = false;
};

/// Reads model, messages, tools, template variables and how to generate. Errors: kNotFound for another model's name,
/// kInvalidArgument and kBadFile naming the field, kTemplate.
ChatRequest read_chat_request(const ServedModel& model, const JsonReader& fields);

}  // namespace marlin::api
