// SPDX-License-Identifier: Apache-2.0
// POST /v1/completions, as OpenAI's API has it: plain text continued.
#pragma once

#include <memory>

#include "serving/api/served_model.h"
#include "serving/http/exchange.h"

namespace marlin::api {

/// As chat_completions(). `prompt`: a string or a list of token ids. With `echo` it begins the answer, and has log
/// probabilities if there are any.
void completions(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace marlin::api
