// SPDX-License-Identifier: Apache-2.0
// Where the server under load is, as users write it: http://host:port/v1. The load client connects to it. Surprise: a
// URL without a path gets /v1, because servers print their address with and without it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace marlin::load {

struct ServerUrl {
  std::string host;  ///< a name or an address, of IPv6 without brackets
  std::uint16_t port = 80;
  std::string base_path;  ///< of the API, "/v1"; empty or begins with '/', never ends with one

  /// What the Host header says.
  [[nodiscard]] std::string authority() const;
  /// Where the server's own paths begin that are not part of the API, as /tokenize: base_path without "/v1".
  [[nodiscard]] std::string_view root_path() const;
};

/// Errors: kUnsupported for https, kInvalidArgument for what is no URL; both say what to write instead.
ServerUrl parse_server_url(std::string_view text);

}  // namespace marlin::load
