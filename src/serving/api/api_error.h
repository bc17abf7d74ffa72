// SPDX-License-Identifier: Apache-2.0
// Errors as clients know them: a status, and an object whose shape belongs to the API that the path is of. Handlers,
// streams and the HTTP server's own refusals all come through here.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "metal_marlin/error.h"
#include "serving/http/message.h"
#include "serving/http/server_options.h"

namespace marlin::api {

struct ApiError {
  int status = 500;
  std::string message;
  std::string code = {};   ///< a word for programs; may be empty
  std::string param = {};  ///< the field at fault; may be empty
};

/// What a request failed with: 400 for what the client can change, 503 when there is too much to do, else 500.
ApiError api_error_of(const Error& error);

/// {"error": {message, type, param, code}}, as OpenAI has it.
boost::json::object openai_error(const ApiError& error);

/// {"type": "error", "error": {type, message}}, as Anthropic has it.
boost::json::object anthropic_error(const ApiError& error);

/// The error in the shape of `path`: Anthropic's below /v1/messages, else OpenAI's. With "Retry-After" where trying
/// again helps.
http::Response error_response(const ApiError& error, std::string_view path);

/// The same for what the HTTP server refuses by itself (ServerOptions::format_error).
http::Response refusal(const http::ErrorInfo& info);

}  // namespace marlin::api
