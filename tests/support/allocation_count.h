// SPDX-License-Identifier: Apache-2.0
// Counts calls of the global operator new of a test program that uses this: what runs once per token must make none.
// Surprise: memory that C libraries take with malloc is counted under a sanitizer only.
#pragma once

namespace marlin::test {

/// Calls so far, of all threads.
long allocation_count();

}  // namespace marlin::test
