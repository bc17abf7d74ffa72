// SPDX-License-Identifier: Apache-2.0
// Names of methods, interned: one pointer per name, for the life of the program.
#pragma once

#include "runtime/object.h"

namespace softmetal {

[[nodiscard]] Selector intern(const char* name);

}  // namespace softmetal
