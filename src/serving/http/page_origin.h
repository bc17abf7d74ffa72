// SPDX-License-Identifier: Apache-2.0
// Tells the server's own page from pages of other sites, which a browser lets send requests too. The gate asks.
// Surprise: that Origin and Host agree is not enough on a server for its own machine without keys. Whoever owns a name
// can have it lead to this machine once the page has loaded (DNS rebinding), so there only names without owner count.
#pragma once

#include <string_view>

#include "serving/http/message.h"

namespace marlin::http {

/// Whether a request with an Origin comes from a page of this server. `any_name`: whatever name the server is reached
/// by; else only addresses, localhost, and names that HTTPS has proven.
bool is_own_page(const Headers& headers, bool any_name);

/// Whether a server that listens on `host` is reached from its own machine only.
bool is_this_machine(std::string_view host);

}  // namespace marlin::http
