// SPDX-License-Identifier: Apache-2.0
// The one place where the library reads environment variables.
#pragma once

namespace marlin {

/// METAL_MARLIN_TRACE_BATCH: print every batch to stderr. Empty or "0" is off.
bool trace_batches_requested();

}  // namespace marlin
