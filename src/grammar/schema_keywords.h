// SPDX-License-Identifier: Apache-2.0
// The keywords of JSON Schema and typed access to their values. Used by the schema compiler and the merger.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace marlin {

/// A set of JSON types, as bits.
using JsonTypes = std::uint32_t;
namespace json_type {
inline constexpr JsonTypes kNull = 1;
inline constexpr JsonTypes kBoolean = 2;
inline constexpr JsonTypes kObject = 4;
inline constexpr JsonTypes kArray = 8;
inline constexpr JsonTypes kString = 16;
inline constexpr JsonTypes kInteger = 32;
inline constexpr JsonTypes kFraction = 64;  ///< a number that is no integer
inline constexpr JsonTypes kNumber = kInteger | kFraction;
inline constexpr JsonTypes kAll = 127;
}  // namespace json_type

/// Whether the keyword restricts what is valid.
bool is_restricting(std::string_view keyword);

/// Checks that every restricting keyword is one that is enforced. Error: kUnsupported.
void check_keywords(const boost::json::object& schema, const std::string& pointer);

/// What `type` allows; without it, the types that the keywords are about, or all. Error: kInvalidArgument.
JsonTypes types_of(const boost::json::object& schema, const std::string& pointer);

JsonTypes type_of_value(const boost::json::value& value);

/// The value under `keyword`, or null if absent, of the right kind. Errors: kInvalidArgument.
const boost::json::object* object_under(const boost::json::object& schema, const char* keyword,
                                        const std::string& pointer);
const boost::json::array* array_under(const boost::json::object& schema, const char* keyword,
                                      const std::string& pointer);
/// A count, at most 2^32 - 2.
std::optional<std::uint32_t> count_under(const boost::json::object& schema, const char* keyword,
                                         const std::string& pointer);

/// `pointer` with one more step, escaped.
std::string pointer_to(const std::string& pointer, std::string_view step);

[[noreturn]] void fail_malformed(const std::string& pointer, std::string_view what);
[[noreturn]] void fail_unsupported(const std::string& pointer, std::string_view what);

}  // namespace marlin
