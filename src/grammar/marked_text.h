// SPDX-License-Identifier: Apache-2.0
// Free text up to a marker, as models write it: reasoning up to `</think>`, an argument up to `</arg_value>`. Used
// where the output of a chat model is put together.
#pragma once

#include <string_view>

#include "grammar/grammar_builder.h"

namespace marlin {

/// Any bytes in which `marker` does not occur, and then `marker`, whose first byte must not occur in it again.
Expr text_up_to(GrammarBuilder& builder, std::string_view marker);

}  // namespace marlin
