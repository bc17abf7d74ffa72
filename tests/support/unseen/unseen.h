// SPDX-License-Identifier: Apache-2.0
// Memory that programs which count their allocations do not see, as they do not see what a driver allocates: for shared
// libraries that stand for a driver (softmetal, softcuda). Linking this replaces operator new inside of the library;
// its version script must keep that inside.
#pragma once

#include <cstddef>

namespace marlin::test {

/// Never null; to be freed with std::free(). alignment: a power of two, 0 = malloc's own.
void* allocate_unseen(std::size_t n_bytes, std::size_t alignment = 0);

/// Whether this thread is inside allocate_unseen(): for programs that count by a sanitizer's hook, which hears of every
/// malloc. A library shows it under a name of its own.
bool is_allocating_unseen();

}  // namespace marlin::test
