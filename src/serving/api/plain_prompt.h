// SPDX-License-Identifier: Apache-2.0
// A prompt as text or token ids, as it stands in requests that are not conversations. Surprise: lists of one prompt are
// prompts, too, as clients that could send several write them.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "io/json_reader.h"
#include "serving/api/served_model.h"

namespace marlin::api {

struct PlainPrompt {
  std::vector<std::int32_t> tokens;
  std::optional<std::string_view> text = {};  ///< as the request has it; none: it has tokens
};

/// What the first of the fields `names` that is there holds. Errors: kInvalidArgument naming the field.
PlainPrompt read_plain_prompt(const ServedModel& model, const JsonReader& fields,
                              std::initializer_list<std::string_view> names);

/// A list of token ids, which may yet be outside a vocabulary; nothing if it is anything else.
std::optional<std::vector<std::int32_t>> read_token_ids(const boost::json::value& list);

}  // namespace marlin::api
