// SPDX-License-Identifier: Apache-2.0
// Fuzzes requests of other APIs on their way into the fields of chat completions. The first byte chooses the API; what
// is not refused must be a list of messages that each have a role and a text.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "io/json.h"
#include "metal_marlin/error.h"
#include "serving/api/messages_request.h"
#include "serving/api/responses_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    const boost::json::value request = marlin::parse_json(text, "the request");
    if (!request.is_object()) return 0;
    const auto convert = data[0] % 2 == 0 ? marlin::api::chat_of_responses : marlin::api::chat_of_messages;
    const boost::json::object chat = convert(request.get_object());
    for (const boost::json::value& message : chat.at("messages").as_array()) {
      if (!message.at("role").is_string() || !message.at("content").is_string()) std::abort();
    }
  } catch (const marlin::Error&) {  // refused
  }
  return 0;
}
