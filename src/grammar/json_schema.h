// SPDX-License-Identifier: Apache-2.0
// JSON schemas as grammars: what `response_format` and the parameters of a tool ask of a model's output. The server
// compiles the schema of a request and gives the grammar to a ConstrainedText.
//
// Enforced: type (also a list), properties, required, additionalProperties, items, prefixItems, minItems, maxItems,
// minLength, maxLength, pattern (regex_grammar.h says which), format (date, time, date-time, uuid; others mean
// nothing), minimum, maximum, exclusiveMinimum and exclusiveMaximum of integers, enum, const, anyOf, oneOf, allOf, $ref
// within the document, true and false. Surprises:
// - Properties come in the order of the schema, optional ones may be left out, further ones come last. Their names are
//   not compared with each other, so a further name can come twice.
// - Without additionalProperties an object has no properties but those in `properties`, as OpenAI's strict mode and
//   other engines have it; without `properties` as well it may have any.
// - A schema without type is taken to speak of the types its keywords are about ("properties": an object).
// - oneOf is anyOf. Bounds of "number" are enforced as far as the sign goes. Dates may be the 31st of any month.
// - allOf, and keywords beside $ref, anyOf or oneOf, are merged into one schema where that is exact.
// - Keywords that restrict and are not listed are errors; unknown ones and those that describe are ignored.
#pragma once

#include <boost/json.hpp>
#include <string_view>

#include "grammar/grammar.h"
#include "grammar/json_rules.h"

namespace marlin {

/// The JSON texts that are valid for `schema`, in the form that json_rules.h describes. Errors, naming the place in the
/// schema by its JSON pointer: kInvalidArgument for a malformed schema or a $ref to nothing; kUnsupported for keywords
/// or combinations that cannot be enforced, for a schema that nothing can match, and for one that is too large (20,000
/// values, 64 levels, or a grammar of 500,000 steps).
Grammar compile_json_schema(const boost::json::value& schema);

/// The same as a part of a larger grammar. With `property`: the texts for that entry of the schema's `properties`.
Expr json_schema_text(JsonRules& rules, const boost::json::value& schema);
Expr json_schema_text(JsonRules& rules, const boost::json::value& schema, std::string_view property);

/// Any JSON object.
Grammar any_json_object();

}  // namespace marlin
