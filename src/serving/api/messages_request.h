// SPDX-License-Identifier: Apache-2.0
// A request of Anthropic's Messages API in the fields of chat completions. Surprise: the results of tools come within
// a message of the user there and are messages of their own here.
#pragma once

#include <boost/json.hpp>

namespace marlin::api {

/// `request` with messages, tools and stop as chat completions have them; what it says of sampling stays as it is.
/// Tools that only Anthropic can run are left out. Errors: kInvalidArgument, kBadFile and kUnsupported (images),
/// naming the field.
boost::json::object chat_of_messages(boost::json::object request);

}  // namespace marlin::api
