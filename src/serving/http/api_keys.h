// SPDX-License-Identifier: Apache-2.0
// Whether a request carries one of the server's keys. The gate asks before it says anything about a path. The time of a
// comparison depends on the length of what the client sent, never on how much of it is right.
#pragma once

#include <string>
#include <vector>

#include "serving/http/message.h"

namespace marlin::http {

/// Whether `headers` hold one of `keys` as "Authorization: Bearer KEY" or "x-api-key: KEY". With no keys, always.
bool has_valid_key(const Headers& headers, const std::vector<std::string>& keys);

}  // namespace marlin::http
