// SPDX-License-Identifier: Apache-2.0
// Counts calls of the program's global operator new, for metal-marlin bench dispatch: a token must cost none. Surprise:
// memory that C libraries take with malloc is counted under a sanitizer only.
#pragma once

#include <cstdint>

namespace marlin::app {

/// Calls so far, of all threads.
std::uint64_t allocation_count();

}  // namespace marlin::app
