// SPDX-License-Identifier: Apache-2.0
// Finds out, before a load begins, how a server wants its requests: which model, token ids or text, with ignore_eos or
// without. Part of the load run; internal to the load library because it shows Asio.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "serving/load/load_client.h"
#include "serving/load/load_run.h"
#include "serving/load/openai_messages.h"

namespace marlin::load {

/// Asks for /v1/models and /tokenize, then tries forms of a request of one token, best first. Errors: kNotFound if the
/// server does not answer, kUnsupported with its words if it refuses every form.
boost::asio::awaitable<RequestForm> find_request_form(LoadClient& client, const LoadOptions& options);

}  // namespace marlin::load
