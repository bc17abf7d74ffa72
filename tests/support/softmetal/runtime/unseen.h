// SPDX-License-Identifier: Apache-2.0
// Memory that programs which count their allocations do not see, as they do not see what a driver allocates.
#pragma once

#include <cstddef>

namespace softmetal {

/// Never null; to be freed with std::free(). alignment: a power of two, 0 = malloc's own.
void* allocate_unseen(std::size_t n_bytes, std::size_t alignment = 0);

}  // namespace softmetal
