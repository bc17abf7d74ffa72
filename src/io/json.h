// SPDX-License-Identifier: Apache-2.0
// JSON as every reader of the engine meets it: Boost.JSON values (key order kept) behind limits on size, depth and
// number of values, and errors that name the document and where it breaks. An object with the same key twice is
// refused: which one counts would depend on the reader.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace marlin {

/// Parses `text`; `what` names the document in errors ("config.json of DIR"). Refuses nesting deeper than 64, more than
/// 16 million values and repeated keys. Error: kBadFile.
boost::json::value parse_json(std::string_view text, std::string_view what);

/// Reads and parses a file of at most `max_bytes`. Errors: kNotFound, kBadFile, naming the path.
boost::json::value read_json_file(const std::filesystem::path& path, std::size_t max_bytes);

/// `text` made fit for an error message: control characters replaced, cut after 120 bytes. Names that come out of a
/// file go through it, because a hostile file can hold anything.
std::string excerpt(std::string_view text);

}  // namespace marlin
