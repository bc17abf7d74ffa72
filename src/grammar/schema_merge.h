// SPDX-License-Identifier: Apache-2.0
// Two schemas that must both hold as one, for allOf and for keywords beside $ref or anyOf. Used by the schema compiler.
// Surprise: subschemas that both have are not merged at once; the result holds an allOf of them, merged when it is
// compiled, so that schemas that contain themselves are no trouble.
#pragma once

#include <boost/json.hpp>
#include <string>

namespace marlin {

/// A schema valid for exactly what is valid for both, possibly `false`. Neither may have $ref or allOf. Error:
/// kUnsupported, naming `pointer`, when they cannot be one.
boost::json::value merge_schemas(const boost::json::value& a, const boost::json::value& b, const std::string& pointer);

}  // namespace marlin
