// SPDX-License-Identifier: Apache-2.0
#include "serving/http/request_gate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <random>

#include "serving/http/api_keys.h"
#include "serving/http/page_origin.h"
#include "serving/http/request_target.h"

namespace marlin::http {
namespace {

bool is_sane_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

std::string allow_list(const RouteMatch& match) { return fmt::format("{}, OPTIONS", fmt::join(match.allowed, ", ")); }

}  // namespace

RequestGate::RequestGate(const ServerOptions& options, const Router& router)
    : options_(options), router_(router), id_prefix_(std::random_device()()) {}

Admission RequestGate::admit(Request& request) const {
  const auto parts = split_target(request.target);
  const auto segments = parts ? decode_segments(parts->path) : std::nullopt;
  if (!segments) {
    return {nullptr, error(400, "bad_request", "The request target is not a path that can be decoded.", "")};
  }
  request.path = parts->path;
  request.query = parts->query;
  RouteMatch match = router_.match(request.method, *segments);
  const bool is_preflight = request.method == "OPTIONS" && !match.route && !match.allowed.empty();
  const bool is_public = match.route && match.route->access == Access::kPublic;
  const bool needs_key = !is_public && !(is_preflight && allowed_origin(request));  // browsers send that without
  if (needs_key && !has_valid_key(request.headers, options_.api_keys)) {
    Response refusal =
        error(401, "invalid_api_key",
              "This server needs an API key: send 'Authorization: Bearer KEY' or 'x-api-key: KEY'.", request.path);
    refusal.headers.push_back({"WWW-Authenticate", "Bearer"});
    return {nullptr, std::move(refusal)};
  }
  if (is_preflight) return {nullptr, preflight(request, match)};
  if (is_foreign_page(request)) {
    return {nullptr, error(403, "origin_not_allowed",
                           "Pages of this origin may not use the server; its option --cors-origin can let them in.",
                           request.path)};
  }
  if (match.allowed.empty()) {
    return {nullptr, error(404, "not_found", fmt::format("There is no {} here.", request.path), request.path)};
  }
  if (!match.route) {
    const std::string allowed = allow_list(match);
    Response refusal =
        error(405, "method_not_allowed",
              fmt::format("{} does not take {}, only {}.", request.path, request.method, allowed), request.path);
    refusal.headers.push_back({"Allow", allowed});
    return {nullptr, std::move(refusal)};
  }
  request.parameters = std::move(match.parameters);
  return {match.route, std::nullopt};
}

Response RequestGate::error(int status, std::string_view code, std::string_view message, std::string_view path) const {
  if (options_.format_error) {
    try {
      return options_.format_error({status, code, message, path});
    } catch (const std::exception& failure) {
      if (options_.on_error) options_.on_error(fmt::format("format_error: {}", failure.what()));
    }
  }
  return {status, "text/plain; charset=utf-8", fmt::format("{}\n", message), {}};
}

Headers RequestGate::common_headers(const Request& request) const {
  Headers headers{{"x-request-id", request.id}};
  if (options_.allowed_origins.empty()) return headers;
  headers.push_back({"Vary", "Origin"});
  if (const std::string* origin = allowed_origin(request)) {
    headers.push_back({"Access-Control-Allow-Origin", *origin});
    headers.push_back({"Access-Control-Expose-Headers", "x-request-id"});
  }
  return headers;
}

void RequestGate::identify(Request& request) const {
  const std::string* id = request.header("x-request-id");
  request.id = id && is_sane_id(*id) ? *id : fmt::format("req-{:08x}-{:x}", id_prefix_, ++n_ids_);
}

const std::string* RequestGate::allowed_origin(const Request& request) const {
  const std::string* origin = request.header("origin");
  const auto& allowed = options_.allowed_origins;
  const bool is_allowed =
      origin && std::any_of(allowed.begin(), allowed.end(), [&](const auto& a) { return a == "*" || a == *origin; });
  return is_allowed ? origin : nullptr;
}

// Browsers keep answers from pages of other origins, but send what they ask for: it would be generated all the same.
bool RequestGate::is_foreign_page(const Request& request) const {
  return request.header("origin") != nullptr && allowed_origin(request) == nullptr &&
         !is_own_page(request.headers, !options_.api_keys.empty() || !is_this_machine(options_.host));
}

// Pages may send any header they ask for: clients of such APIs send many of their own, and the key is what protects.
Response RequestGate::preflight(const Request& request, const RouteMatch& match) const {
  const std::string allowed = allow_list(match);
  Response response{204, "", "", {{"Allow", allowed}}};
  if (!allowed_origin(request)) return response;
  response.headers.push_back({"Access-Control-Allow-Methods", allowed});
  if (const std::string* names = request.header("access-control-request-headers")) {
    response.headers.push_back({"Access-Control-Allow-Headers", *names});
  }
  response.headers.push_back({"Access-Control-Max-Age", "7200"});
  return response;
}

}  // namespace marlin::http
