// SPDX-License-Identifier: Apache-2.0
#include "serving/load/server_url.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "io/json.h"

namespace marlin::load {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::string_view kVersion = "/v1";

[[noreturn]] void refuse(std::string_view text) {
  fail(ErrorCode::kInvalidArgument, "'{}' is not a URL of a server; write it as http://127.0.0.1:8080/v1",
       excerpt(text));
}

std::uint16_t parse_port(std::string_view digits, std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end || port == 0) refuse(text);
  return port;
}

/// What would end the request line or a header, or begins a part of a URL that means nothing here.
bool is_forbidden(char c) {
  return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f || c == '?' || c == '#' ||
         c == '@';
}

}  // namespace

std::string ServerUrl::authority() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::string_view ServerUrl::root_path() const {
  std::string_view root = base_path;
  if (root.ends_with(kVersion)) root.remove_suffix(kVersion.size());
  return root;
}

ServerUrl parse_server_url(std::string_view text) {
  if (text.starts_with("https://")) {
    fail(ErrorCode::kUnsupported,
         "'{}': https is not supported, the load goes out as plain http; run this beside the server, or through a "
         "tunnel",
         excerpt(text));
  }
  if (!text.starts_with(kScheme) || std::any_of(text.begin(), text.end(), is_forbidden)) refuse(text);
  const std::string_view rest = text.substr(kScheme.size());
  const std::string_view authority = rest.substr(0, rest.find('/'));
  ServerUrl url;
  std::string_view after_host;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) refuse(text);
    url.host = authority.substr(1, end - 1);
    after_host = authority.substr(end + 1);
  } else {
    url.host = authority.substr(0, authority.find(':'));
    after_host = authority.substr(url.host.size());
  }
  if (url.host.empty() || (!after_host.empty() && after_host.front() != ':')) refuse(text);
  if (!after_host.empty()) url.port = parse_port(after_host.substr(1), text);
  std::string_view path = rest.substr(authority.size());
  while (path.ends_with('/')) path.remove_suffix(1);
  url.base_path = path.empty() ? kVersion : path;
  return url;
}

}  // namespace marlin::load
