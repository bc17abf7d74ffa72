// SPDX-License-Identifier: Apache-2.0
// POST /v1/messages and /v1/messages/count_tokens, as Anthropic's Messages API has them.
#pragma once

#include <memory>

#include "serving/api/served_model.h"
#include "serving/http/exchange.h"

namespace marlin::api {

/// As chat_completions().
void messages(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange);

/// How many tokens the prompt of such a request has.
void count_tokens(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace marlin::api
