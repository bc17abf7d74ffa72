// SPDX-License-Identifier: Apache-2.0
// The answers of Anthropic's Messages API: one message of content blocks, or the events of its making. Surprise: its
// input_tokens are those that were not in the cache.
#pragma once

#include <memory>

#include "serving/api/chat_request.h"
#include "serving/api/item_protocol.h"

namespace marlin::api {

std::unique_ptr<AnswerProtocol> make_messages_protocol(const ServedModel& model, const ChatRequest& chat, bool streams);

}  // namespace marlin::api
