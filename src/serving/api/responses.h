// SPDX-License-Identifier: Apache-2.0
// POST /v1/responses, as OpenAI's Responses API has it, without its memory: nothing is stored, so every request brings
// the whole conversation.
#pragma once

#include <memory>

#include "serving/api/served_model.h"
#include "serving/http/exchange.h"

namespace marlin::api {

/// As chat_completions().
void responses(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace marlin::api
