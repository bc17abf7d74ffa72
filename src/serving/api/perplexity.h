// SPDX-License-Identifier: Apache-2.0
// POST /v1/perplexity: how well the model predicts a text. Of no other API; its answer is one object.
#pragma once

#include <memory>

#include "serving/api/served_model.h"
#include "serving/http/exchange.h"

namespace marlin::api {

/// `prompt`, `text` or `content`: a string or a list of token ids, at least two tokens; `logprobs`: whether the answer
/// has those of each token. Errors: kInvalidArgument, kContextOverflow; as chat_completions() besides.
void perplexity(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace marlin::api
