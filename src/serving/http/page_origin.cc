// SPDX-License-Identifier: Apache-2.0
#include "serving/http/page_origin.h"

#include <string>

namespace marlin::http {
namespace {

/// Without its port; an address of IPv6 keeps its brackets.
std::string_view without_port(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  const bool is_in_brackets = colon != std::string_view::npos && authority.find(']', colon) != std::string_view::npos;
  return is_in_brackets ? authority : authority.substr(0, colon);
}

/// Whether nobody can own `host` as a name. Top-level domains are not numbers, so digits and dots are an address.
bool is_unowned(std::string_view host) {
  const bool is_ip4 = !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
  return is_ip4 || host.starts_with('[') || equal_ignoring_case(host, "localhost");
}

}  // namespace

bool is_own_page(const Headers& headers, bool any_name) {
  const std::string* host = find_header(headers, "host");
  const std::string* origin = find_header(headers, "origin");
  if (!host || !origin) return false;
  const std::size_t scheme = origin->find("://");
  const bool agree =
      scheme != std::string::npos && equal_ignoring_case(std::string_view(*origin).substr(scheme + 3), *host);
  // Behind a proxy they need not agree; then the browser's own word, which no page can forge, is as good.
  const std::string* site = find_header(headers, "sec-fetch-site");
  if (!agree && !(site && *site == "same-origin")) return false;
  return any_name || origin->starts_with("https://") || is_unowned(without_port(*host));
}

bool is_this_machine(std::string_view host) {
  return equal_ignoring_case(host, "localhost") || host.starts_with("127.") || host == "::1";
}

}  // namespace marlin::http
