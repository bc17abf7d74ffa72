// SPDX-License-Identifier: Apache-2.0
// What tests of grammars ask most: is this whole text one of the grammar's?
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "grammar/grammar_state.h"
#include "grammar/json_schema.h"

namespace marlin::test {

/// Byte by byte, so that every prefix is seen.
inline bool accepts(const Grammar& grammar, std::string_view text) {
  GrammarState state(grammar);
  for (const char c : text) {
    if (!state.advance(static_cast<std::uint8_t>(c))) return false;
  }
  return state.can_end();
}

inline Grammar grammar_of(std::string_view schema) {
  return compile_json_schema(boost::json::parse({schema.data(), schema.size()}));
}

inline bool schema_accepts(std::string_view schema, std::string_view text) { return accepts(grammar_of(schema), text); }

}  // namespace marlin::test
