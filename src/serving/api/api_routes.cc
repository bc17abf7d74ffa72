// SPDX-License-Identifier: Apache-2.0
#include "serving/api/api_routes.h"

#include <boost/json.hpp>

#include "base/error.h"
#include "io/json.h"
#include "io/json_reader.h"
#include "serving/api/api_error.h"
#include "serving/api/chat_completions.h"
#include "serving/api/completions.h"
#include "serving/api/messages.h"
#include "serving/api/perplexity.h"
#include "serving/api/plain_prompt.h"
#include "serving/api/props.h"
#include "serving/api/responses.h"
#include "serving/http/exchange.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

using ModelHandler = void (*)(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange);

void respond_json(http::Exchange& exchange, const json::value& body) {
  exchange.respond({.status = 200, .content_type = "application/json", .body = json::serialize(body), .headers = {}});
}

/// What a handler throws becomes an error of the API.
http::Handler guarded(const ModelSlot& slot, ModelHandler handler) {
  return [&slot, handler](const std::shared_ptr<http::Exchange>& exchange) {
    try {
      handler(slot.get(), exchange);
    } catch (const Error& error) {
      exchange->respond(error_response(api_error_of(error), exchange->request().path));
    }
  };
}

json::object describe(const ServedModel& model) {
  return {{"id", model.name()},
          {"object", "model"},
          {"created", model.created()},
          {"owned_by", "metal-marlin"},
          {"max_model_len", model.loaded().info.context_tokens}};
}

void models(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  respond_json(*exchange, json::object{{"object", "list"}, {"data", json::array{describe(model)}}});
}

void one_model(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  model.check_name(exchange->request().parameter("id"));
  respond_json(*exchange, describe(model));
}

void health(ServedModel& /*model*/, const std::shared_ptr<http::Exchange>& exchange) {
  respond_json(*exchange, json::object{{"status", "ok"}});
}

void metrics(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  exchange->respond({.status = 200,
                     .content_type = "text/plain; version=0.0.4; charset=utf-8",
                     .body = model.engine().metrics().text(model.name(), model.engine().gauges()),
                     .headers = {}});
}

void tokenize(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  const json::value parsed = parse_json(exchange->request().body, "the request");
  const JsonReader fields = JsonReader::of_document(parsed, "the request");
  const auto text = fields.optional_string("prompt");  // vLLM; llama.cpp says content
  const std::vector<std::int32_t> ids = model.encode(text ? *text : fields.string("content"));
  respond_json(*exchange, json::object{{"tokens", json::array(ids.begin(), ids.end())},
                                       {"count", ids.size()},
                                       {"max_model_len", model.loaded().info.context_tokens}});
}

void detokenize(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  const json::value parsed = parse_json(exchange->request().body, "the request");
  const JsonReader fields = JsonReader::of_document(parsed, "the request");
  const json::value* const tokens = fields.json().if_contains("tokens");
  const auto ids = tokens == nullptr ? std::nullopt : read_token_ids(*tokens);
  if (!ids) fail(ErrorCode::kInvalidArgument, "tokens: a list of token ids is needed");
  const std::string text = model.loaded().require_tokenizer().decode(*ids, /*skip_special=*/false);
  respond_json(*exchange, json::object{{"prompt", text}, {"content", text}});
}

void apply_template(ServedModel& model, const std::shared_ptr<http::Exchange>& exchange) {
  const json::value parsed = parse_json(exchange->request().body, "the request");
  const JsonReader fields = JsonReader::of_document(parsed, "the request");
  const json::array* const messages = fields.optional_array("messages");
  if (messages == nullptr) fail(ErrorCode::kInvalidArgument, "messages: a list of messages is needed");
  const json::array* const tools = fields.optional_array("tools");
  const auto variables = fields.optional_object("chat_template_kwargs");
  const RenderedPrompt prompt = model.render(*messages, tools == nullptr ? json::array() : *tools,
                                             variables ? variables->json() : json::object());
  respond_json(*exchange, json::object{{"prompt", prompt.text}});
}

}  // namespace

http::Router make_router(const ModelSlot& slot) {
  http::Router router;
  const auto add = [&](const char* method, const char* path, ModelHandler handler,
                       http::Access access = http::Access::kKey) {
    router.add(method, path, guarded(slot, handler), access);
  };
  add("POST", "/v1/chat/completions", chat_completions);
  add("POST", "/v1/completions", completions);
  add("POST", "/v1/perplexity", perplexity);
  add("POST", "/v1/responses", responses);
  add("POST", "/v1/messages", messages);
  add("POST", "/v1/messages/count_tokens", count_tokens);
  add("GET", "/v1/models", models);
  add("GET", "/v1/models/{id}", one_model);
  add("POST", "/tokenize", tokenize);
  add("POST", "/detokenize", detokenize);
  add("POST", "/apply-template", apply_template);
  add("GET", "/health", health, http::Access::kPublic);
  add("GET", "/metrics", metrics);
  add("GET", "/props", props);
  return router;
}

}  // namespace marlin::api
