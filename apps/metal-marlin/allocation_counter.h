// SPDX-License-Identifier: Apache-2.0
// Counts calls of the program's global operator new, for metal-marlin bench dispatch: a token must cost none. Surprise:
// memory that C libraries take with malloc is not counted.
#pragma once

#include <cstdint>
#include <optional>

namespace marlin::app {

/// Calls so far, of all threads; nothing under a sanitizer, which brings an operator new of its own.
std::optional<std::uint64_t> allocation_count();

}  // namespace marlin::app
