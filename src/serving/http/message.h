// SPDX-License-Identifier: Apache-2.0
// A request as handlers see it and a response as they give it: plain data, no sockets. Surprise: a path stays as the
// client sent it; only the parameters that a route names are percent-decoded.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace marlin::http {

struct Header {
  std::string name;
  std::string value;
};
using Headers = std::vector<Header>;

/// The value of the first header of that name, whatever its case; null if there is none.
const std::string* find_header(const Headers& headers, std::string_view name);

/// Whether two ASCII texts are equal, letter case apart, as names in HTTP are compared.
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// The values that a path has for the {names} of its route.
using Parameters = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string id;      ///< the client's x-request-id if it is sane, else one of ours; sent back with the response
  std::string client;  ///< address and port
  std::string method;  ///< as sent; HEAD reaches the handler of GET, and its response goes out without the body
  std::string target;  ///< as sent
  std::string path;    ///< the target without host and query
  std::string query;   ///< what follows the '?', may hold secrets
  Headers headers;
  std::string body;
  Parameters parameters;

  /// As find_header() on `headers`.
  [[nodiscard]] const std::string* header(std::string_view name) const { return find_header(headers, name); }
  /// The decoded value of {name} of the route; a name that the route does not have is our own bug.
  [[nodiscard]] const std::string& parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type;  ///< empty: none is sent
  std::string body;
  Headers headers;  ///< besides those that the server writes: Date, Content-*, Connection, Transfer-Encoding
};

}  // namespace marlin::http
