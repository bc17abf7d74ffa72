// SPDX-License-Identifier: Apache-2.0
// POST /v1/chat/completions, as OpenAI's API has it: conversation in, message out, with reasoning_content and
// tool_calls read from what the model writes.
#pragma once

#include <memory>

#include "serving/api/served_model.h"
#include "serving/http/exchange.h"

namespace marlin::api {

/// Answers, or keeps the exchange until the answer is generated. Errors: for what is wrong with the request.
void chat_completions(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace marlin::api
