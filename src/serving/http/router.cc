// SPDX-License-Identifier: Apache-2.0
// Routes are a dozen, so a match looks at every one of them.
#include "serving/http/router.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "serving/http/request_target.h"

namespace marlin::http {
namespace {

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

std::optional<Parameters> match_segments(const Route& route, const std::vector<std::string>& segments) {
  if (segments.size() != route.segments.size()) return std::nullopt;
  Parameters parameters;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string& wanted = route.segments[i];
    if (is_parameter(wanted) && !segments[i].empty()) {
      parameters.emplace_back(wanted.substr(1, wanted.size() - 2), segments[i]);
    } else if (wanted != segments[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

void allow(std::vector<std::string>& allowed, const std::string& method) {
  if (std::find(allowed.begin(), allowed.end(), method) == allowed.end()) allowed.push_back(method);
}

}  // namespace

bool Route::has_parameters() const { return std::any_of(segments.begin(), segments.end(), is_parameter); }

void Router::add(std::string method, std::string pattern, Handler handler, Access access) {
  auto segments = decode_segments(pattern);
  if (!pattern.starts_with('/') || !segments) {
    fail(ErrorCode::kInvalidArgument, "route '{}' must be a path that begins with '/'", pattern);
  }
  for (const std::string& segment : *segments) {
    if (is_parameter(segment) && (segment.size() < 3 || !segment.ends_with('}'))) {
      fail(ErrorCode::kInvalidArgument, "route '{}': '{}' must be {{name}}", pattern, segment);
    }
  }
  for (const Route& route : routes_) {
    if (route.method == method && route.pattern == pattern) {
      fail(ErrorCode::kInvalidArgument, "route {} {} is added twice", method, pattern);
    }
  }
  routes_.push_back({std::move(method), std::move(pattern), std::move(*segments), std::move(handler), access});
}

RouteMatch Router::match(std::string_view method, const std::vector<std::string>& segments) const {
  RouteMatch best;
  for (const Route& route : routes_) {
    auto parameters = match_segments(route, segments);
    if (!parameters) continue;
    allow(best.allowed, route.method);
    if (route.method == "GET") allow(best.allowed, "HEAD");
    if (route.method != method && !(route.method == "GET" && method == "HEAD")) continue;
    if (!best.route || (best.route->has_parameters() && !route.has_parameters())) {
      best.route = &route;
      best.parameters = std::move(*parameters);
    }
  }
  return best;
}

}  // namespace marlin::http
