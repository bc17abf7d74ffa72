// SPDX-License-Identifier: Apache-2.0
// The types that a request's tools allow for each argument. GlmToolCall asks, because GLM writes strings without quotes
// and only the schema tells `2` from "2". The surprise: types only guide the reading; nothing is validated, and what a
// schema does not say plainly is unknown.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace marlin {

/// A set of JSON types, one bit each. None: unknown, anything goes.
using JsonTypes = unsigned;
inline constexpr JsonTypes kJsonUnknown = 0;
inline constexpr JsonTypes kJsonNull = 1;
inline constexpr JsonTypes kJsonBoolean = 2;
inline constexpr JsonTypes kJsonInteger = 4;
inline constexpr JsonTypes kJsonNumber = 8;  ///< includes integers: always stands with kJsonInteger
inline constexpr JsonTypes kJsonString = 16;
inline constexpr JsonTypes kJsonArray = 32;
inline constexpr JsonTypes kJsonObject = 64;

/// The one type of a value; a number with a fraction or an exponent is kJsonNumber alone.
JsonTypes json_types_of(const boost::json::value& value);

/// Immutable once made.
class ToolSchemas {
 public:
  ToolSchemas() = default;

  /// `tools` as in the OpenAI API: {"type": "function", "function": {"name", "parameters"}}, or the inner object alone.
  /// What is not of this shape is passed over. Of two functions of one name, the first counts.
  explicit ToolSchemas(const boost::json::array& tools);

  [[nodiscard]] bool has_function(std::string_view name) const { return functions_.find(name) != functions_.end(); }

  /// What the function's schema allows for the argument: its "type", else its "enum" or "const", else all that "anyOf",
  /// "oneOf" and "allOf" name; "$ref" within the schema is followed. kJsonUnknown where there is no such function or
  /// argument, or where the schema is deep or large beyond use.
  [[nodiscard]] JsonTypes types(std::string_view function, std::string_view argument) const;

 private:
  using Arguments = std::map<std::string, JsonTypes, std::less<>>;

  std::map<std::string, Arguments, std::less<>> functions_;
};

}  // namespace marlin
