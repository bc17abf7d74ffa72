// SPDX-License-Identifier: Apache-2.0
// GET /props, as llama.cpp has it: what the model and the server are, for programs that adapt to them. Paths stay
// private: a model's is its directory's name.
#pragma once

#include <memory>

#include "serving/api/served_model.h"
#include "serving/http/exchange.h"

namespace marlin::api {

void props(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange);

}  // namespace marlin::api
