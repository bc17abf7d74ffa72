// SPDX-License-Identifier: Apache-2.0
#include "serving/api/api_error.h"

#include <boost/json.hpp>

namespace marlin::api {
namespace {

std::string_view type_of(int status) {
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

boost::json::value text_or_null(const std::string& text) {
  return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

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

std::string error_body(const ApiError& error) {
  return boost::json::serialize(
      boost::json::object{{"error", boost::json::object{{"message", error.message},
                                                        {"type", type_of(error.status)},
                                                        {"param", text_or_null(error.param)},
                                                        {"code", text_or_null(error.code)}}}});
}

http::Response error_response(const ApiError& error) {
  http::Response response{
      .status = error.status, .content_type = "application/json", .body = error_body(error), .headers = {}};
  if (error.status == 429 || error.status == 503) response.headers.push_back({"Retry-After", "1"});
  return response;
}

}  // namespace marlin::api
