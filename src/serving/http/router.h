// SPDX-License-Identifier: Apache-2.0
// Which handler a method and a path belong to. The API layer fills it before the server starts; the gate asks it for
// every request. Surprise: a route without {names} wins over one with them, whichever was added first.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serving/http/message.h"

namespace marlin::http {

class Exchange;
/// Called on an io thread, which it must not hold up: it answers at once, or keeps the exchange and returns. What it
/// throws becomes a 500 without details; the details go to ServerOptions::on_error.
using Handler = std::function<void(const std::shared_ptr<Exchange>&)>;

/// Who may use a route when the server has API keys.
enum class Access { kKey, kPublic };

struct Route {
  std::string method;
  std::string pattern;
  std::vector<std::string> segments;
  Handler handler;
  Access access;

  [[nodiscard]] bool has_parameters() const;
};

struct RouteMatch {
  const Route* route = nullptr;  ///< null: see `allowed`
  Parameters parameters;
  std::vector<std::string> allowed;  ///< the methods that the path has; empty: there is no such path
};

class Router {
 public:
  /// `pattern` begins with '/'; a segment "{name}" matches any segment that is not empty. GET serves HEAD too. Error:
  /// kInvalidArgument if the pattern is malformed or the method has it already.
  void add(std::string method, std::string pattern, Handler handler, Access access = Access::kKey);

  /// The route for decoded `segments` (request_target.h). It stays valid until the next add().
  [[nodiscard]] RouteMatch match(std::string_view method, const std::vector<std::string>& segments) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace marlin::http
