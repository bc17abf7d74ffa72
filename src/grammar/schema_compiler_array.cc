// SPDX-License-Identifier: Apache-2.0
// See schema_compiler.h: arrays.
#include <algorithm>
#include <limits>

#include "base/error.h"
#include "grammar/schema_compiler.h"

namespace marlin {

namespace json = boost::json;

Expr SchemaCompiler::compile_array(const SchemaPart& part) {
  const json::object& schema = part.value->get_object();
  const json::array* prefix = array_under(schema, "prefixItems", part.pointer);
  const json::value* items = schema.if_contains("items");
  const std::uint32_t min = count_under(schema, "minItems", part.pointer).value_or(0);
  std::uint32_t max = count_under(schema, "maxItems", part.pointer).value_or(kUnbounded);
  const auto n_prefix = static_cast<std::uint32_t>(prefix == nullptr ? 0 : prefix->size());
  if (items != nullptr && items->is_array()) {
    fail_unsupported(pointer_to(part.pointer, "items"), "a list of schemas is 'prefixItems' today");
  }
  if (items != nullptr && *items == false) max = std::min(max, n_prefix);
  if (min > max) return builder_.choice({});
  if (max == 0) return rules_.enclosed('[', builder_.literal(""), false, ']');

  const auto item_at = [&](std::uint32_t i) {
    if (i < n_prefix) {
      const std::string pointer = pointer_to(pointer_to(part.pointer, "prefixItems"), std::to_string(i));
      return reference({&(*prefix)[i], pointer, part.is_merged});
    }
    return items == nullptr ? rules_.any_value()
                            : reference({items, pointer_to(part.pointer, "items"), part.is_merged});
  };
  // rest: what may follow item i - 1, from the last one with a schema of its own back.
  const std::uint32_t n_own = std::clamp<std::uint32_t>(n_prefix, 1, max);
  Expr rest = builder_.literal("");
  if (max > n_own) {
    const Expr following = builder_.sequence({rules_.comma(), item_at(n_own)});
    rest = builder_.repeat(following, min > n_own ? min - n_own : 0, max == kUnbounded ? max : max - n_own);
  }
  for (std::uint32_t i = n_own - 1; i > 0; --i) {
    const Rule from_here = builder_.declare("JSON schema, " + part.pointer);
    const Expr following = builder_.sequence({rules_.comma(), item_at(i), rest});
    builder_.define(from_here, i < min ? following : builder_.optional(following));
    rest = builder_.reference(from_here);
  }
  return rules_.enclosed('[', builder_.sequence({item_at(0), rest}), min == 0, ']');
}

}  // namespace marlin
