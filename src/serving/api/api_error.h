// SPDX-License-Identifier: Apache-2.0
// Errors as clients of the OpenAI API know them: a status, and an object with message, type, param and code.
#pragma once

#include <string>
#include <string_view>

#include "metal_marlin/error.h"
#include "serving/http/message.h"

namespace marlin::api {

struct ApiError {
  int status = 500;
  std::string message;
  std::string code = {};   ///< a word for programs; may be empty
  std::string param = {};  ///< the field at fault; may be empty
};

/// What a request failed with: 400 for what the client can change, 503 when there is too much to do, else 500.
ApiError api_error_of(const Error& error);

/// {"error": {...}}, with "Retry-After" where trying again helps.
http::Response error_response(const ApiError& error);

/// The body of it.
std::string error_body(const ApiError& error);

}  // namespace marlin::api
