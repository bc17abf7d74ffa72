// SPDX-License-Identifier: Apache-2.0
// The counting operators are those of the program.
#include "tests/support/allocation_count.h"

#include "apps/metal-marlin/allocation_counter.h"

namespace marlin::test {

long allocation_count() { return static_cast<long>(app::allocation_count()); }

}  // namespace marlin::test
