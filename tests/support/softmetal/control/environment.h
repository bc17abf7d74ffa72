// SPDX-License-Identifier: Apache-2.0
// Options from outside, for programs that set none themselves: test programs of the engine, and the engine's own.
#pragma once

#include "softmetal.h"

namespace softmetal {

/// The defaults as the variable SOFTMETAL changes them: words separated by commas, of
///   fast | record | fatal | threads=N | schedule=forward|reverse|random | seed=N
/// An unknown word ends the process.
Options options_of_environment();

}  // namespace softmetal
