// SPDX-License-Identifier: Apache-2.0
// Decides from the head of a request, before its body is read, whether it is served and by which route: target, API
// key, CORS preflight, the page it comes from, path, method, in this order. Each connection asks it; it is immutable
// and has no sockets. The surprise: without a valid key every path that is not public is a 401, so that nobody can
// probe for paths; only the preflight of a page that may come in needs none.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "serving/http/message.h"
#include "serving/http/router.h"
#include "serving/http/server_options.h"

namespace marlin::http {

/// Either a route, or the response that refuses the request.
struct Admission {
  const Route* route = nullptr;
  std::optional<Response> refusal;
};

class RequestGate {
 public:
  /// Both must outlive the gate.
  RequestGate(const ServerOptions& options, const Router& router);

  /// Gives the request its id: the client's x-request-id if it is sane, else one of ours.
  void identify(Request& request) const;

  /// Fills path, query and parameters of `request`, whose head is complete.
  Admission admit(Request& request) const;

  /// An error in the shape of ServerOptions::format_error, or as plain text if that fails too.
  [[nodiscard]] Response error(int status, std::string_view code, std::string_view message,
                               std::string_view path) const;

  /// What every response to `request` carries: its id, which identify() gave, and leave for the page it came from, if
  /// that is allowed.
  [[nodiscard]] Headers common_headers(const Request& request) const;

 private:
  // The page's origin, if it is one that may come in; else null.
  [[nodiscard]] const std::string* allowed_origin(const Request& request) const;
  // Whether a page sent it that is neither this server's own nor one that may come in.
  [[nodiscard]] bool is_foreign_page(const Request& request) const;
  [[nodiscard]] Response preflight(const Request& request, const RouteMatch& match) const;

  const ServerOptions& options_;
  const Router& router_;
  std::uint32_t id_prefix_;  // tells servers apart, and one server's lives
  mutable std::atomic<std::uint64_t> n_ids_{0};
};

}  // namespace marlin::http
