// SPDX-License-Identifier: Apache-2.0
// Counts calls of the global operator new of a test program that uses this: what runs once per token must make none.
// Surprise: memory that C libraries take with malloc is not counted.
#pragma once

namespace marlin::test {

/// False under a sanitizer, which brings an operator new of its own; nothing is counted then.
bool counts_allocations();

/// Calls so far, of all threads.
long allocation_count();

}  // namespace marlin::test
