// SPDX-License-Identifier: Apache-2.0
// A request of OpenAI's Responses API in the fields of chat completions. Surprise: the items of the input are finer
// than messages, so several of them (reasoning, text, calls) may become one message of the assistant.
#pragma once

#include <boost/json.hpp>

namespace marlin::api {

/// `request` with messages and tools as chat completions have them; what it says of sampling stays as it is. Tools that
/// are no functions are left out: agents always offer some that only OpenAI can run. Errors: kInvalidArgument, kBadFile
/// and kUnsupported (what needs answers kept, as previous_response_id), naming the field.
boost::json::object chat_of_responses(boost::json::object request);

}  // namespace marlin::api
