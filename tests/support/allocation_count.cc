// SPDX-License-Identifier: Apache-2.0
// The counting operators are those of the program.
#include "tests/support/allocation_count.h"

#include "apps/metal-marlin/allocation_counter.h"

namespace marlin::test {

bool counts_allocations() { return app::allocation_count().has_value(); }

long allocation_count() { return static_cast<long>(app::allocation_count().value_or(0)); }

}  // namespace marlin::test
