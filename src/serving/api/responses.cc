// SPDX-License-Identifier: Apache-2.0
#include "serving/api/responses.h"

#include "io/json.h"
#include "io/json_reader.h"
#include "serving/api/answer.h"
#include "serving/api/chat_request.h"
#include "serving/api/responses_protocol.h"
#include "serving/api/responses_request.h"

namespace marlin::api {

void responses(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  const boost::json::value parsed = parse_json(exchange->request().body, "the request");
  const JsonReader fields = JsonReader::of_document(parsed, "the request");
  const bool streams = fields.optional_boolean("stream").value_or(false);
  const boost::json::object converted = chat_of_responses(fields.json());
  const ChatRequest chat = read_chat_request(model, JsonReader(converted, "the request"));
  auto protocol = make_responses_protocol(model, fields.json(), chat, streams);
  std::make_shared<Answer>(model, exchange, std::move(protocol))->start(chat.generation, 1);
}

}  // namespace marlin::api
