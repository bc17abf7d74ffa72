// SPDX-License-Identifier: Apache-2.0
// The text of the kernels, embedded in the program (tools/embed_metal.py): Apple's offline compiler is a download of
// its own, the one in the driver is always there.
#pragma once

#include <cstdint>
#include <string_view>

namespace marlin::metal {

/// A file of kernels/, by its name without .metal, with everything it includes; empty if there is none.
std::string_view metal_source(std::string_view file);

/// A number that changes when any of the texts does.
std::uint64_t metal_sources_hash();

}  // namespace marlin::metal
