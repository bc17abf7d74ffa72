// SPDX-License-Identifier: Apache-2.0
// Options from outside, for programs that set none themselves.
#pragma once

#include "tests/support/softcuda/softcuda.h"

namespace softcuda {

/// The defaults as the variable SOFTCUDA changes them: words separated by commas, of
///   schedule=forward|reverse|random | seed=N | devices=N | driver=VERSION | multiprocessors=N | capability=N |
///   memory=BYTES | fail_launch=N
/// An unknown word ends the process.
Options options_of_environment();

}  // namespace softcuda
