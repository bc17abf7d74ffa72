// SPDX-License-Identifier: Apache-2.0
// The answers of OpenAI's Responses API: one object, or the events of its making. Surprise: every event has a number,
// and those of the beginning and the end carry the whole response.
#pragma once

#include <boost/json.hpp>
#include <memory>

#include "serving/api/chat_request.h"
#include "serving/api/item_protocol.h"

namespace marlin::api {

/// `request` as the client sent it: the response repeats what it asked for. `chat` is what became of it.
std::unique_ptr<AnswerProtocol> make_responses_protocol(const ServedModel& model, const boost::json::object& request,
                                                        const ChatRequest& chat, bool streams);

}  // namespace marlin::api
