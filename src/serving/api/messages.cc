// SPDX-License-Identifier: Apache-2.0
#include "serving/api/messages.h"

#include <boost/json.hpp>

#include "io/json.h"
#include "io/json_reader.h"
#include "serving/api/answer.h"
#include "serving/api/chat_request.h"
#include "serving/api/messages_protocol.h"
#include "serving/api/messages_request.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

ChatRequest read(const ServedModel& model, const JsonReader& fields) {
  const json::object converted = chat_of_messages(fields.json());
  return read_chat_request(model, JsonReader(converted, "the request"));
}

}  // namespace

void messages(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  const json::value parsed = parse_json(exchange->request().body, "the request");
  const JsonReader fields = JsonReader::of_document(parsed, "the request");
  const bool streams = fields.optional_boolean("stream").value_or(false);
  const ChatRequest chat = read(model, fields);
  std::make_shared<Answer>(model, exchange, make_messages_protocol(model, chat, streams))->start(chat.generation, 1);
}

void count_tokens(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  const json::value parsed = parse_json(exchange->request().body, "the request");
  const ChatRequest chat = read(model, JsonReader::of_document(parsed, "the request"));
  exchange->respond({.status = 200,
                     .content_type = "application/json",
                     .body = json::serialize(json::object{{"input_tokens", chat.generation.prompt.size()}}),
                     .headers = {}});
}

}  // namespace marlin::api
