// SPDX-License-Identifier: Apache-2.0
#include "serving/api/api_error.h"

#include <fmt/format.h>

namespace marlin::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kMessagesPath = "/v1/messages";

std::string_view openai_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 404:
      return "not_found_error";
    case 429:
    case 503:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

json::value text_or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

}  // namespace

ApiError api_error_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kContextOverflow:
      return {.status = 400, .message = error.what(), .code = "context_length_exceeded"};
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kBadFile:  // of JSON in the request
    case ErrorCode::kUnsupported:
    case ErrorCode::kTemplate:
      return {.status = 400, .message = error.what()};
    case ErrorCode::kNotFound:
      return {.status = 404, .message = error.what(), .code = "not_found"};
    case ErrorCode::kBusy:
    case ErrorCode::kOutOfMemory:
      return {.status = 503, .message = error.what(), .code = "overloaded"};
    case ErrorCode::kDevice:
    case ErrorCode::kInternal:
      break;
  }
  return {.status = 500, .message = error.what()};
}

json::object openai_error(const ApiError& error) {
  return {{"error", json::object{{"message", error.message},
                                 {"type", openai_type(error.status)},
                                 {"param", text_or_null(error.param)},
                                 {"code", text_or_null(error.code)}}}};
}

json::object anthropic_error(const ApiError& error) {
  return {{"type", "error"},
          {"error", json::object{{"type", anthropic_type(error.status)}, {"message", error.message}}}};
}

http::Response error_response(const ApiError& error, std::string_view path) {
  const bool anthropic = path == kMessagesPath || path.starts_with(fmt::format("{}/", kMessagesPath));
  http::Response response{.status = error.status,
                          .content_type = "application/json",
                          .body = json::serialize(anthropic ? anthropic_error(error) : openai_error(error)),
                          .headers = {}};
  if (error.status == 429 || error.status == 503) response.headers.push_back({"Retry-After", "1"});
  return response;
}

http::Response refusal(const http::ErrorInfo& info) {
  return error_response({.status = info.status, .message = std::string(info.message), .code = std::string(info.code)},
                        info.path);
}

}  // namespace marlin::api
