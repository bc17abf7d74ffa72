// SPDX-License-Identifier: Apache-2.0
// The text of what APIs call content: a string, or a list of parts with a type each. Used where requests of other APIs
// are put into the fields of chat completions.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

namespace marlin::api {

/// A string as it is; of a list the texts of its parts, one behind the other; null is no text. `where` names the field
/// in errors: kInvalidArgument, and kUnsupported for parts that are no text.
boost::json::string text_of_content(const boost::json::value& content, std::string_view where);

}  // namespace marlin::api
