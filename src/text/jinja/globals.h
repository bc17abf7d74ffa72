// SPDX-License-Identifier: Apache-2.0
// The functions every template may call: namespace, range, dict, raise_exception, strftime_now.
#pragma once

#include <ctime>
#include <optional>
#include <string_view>

#include "text/jinja/value.h"

namespace marlin::jinja {

/// nullopt when there is no such function. `now`: what strftime_now sees, the system's local time when unset.
std::optional<Value> find_global(std::string_view name, const std::optional<std::tm>& now);

}  // namespace marlin::jinja
