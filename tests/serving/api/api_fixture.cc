// SPDX-License-Identifier: Apache-2.0
#include "tests/serving/api/api_fixture.h"

#include "serving/api/api_error.h"
#include "serving/api/api_routes.h"
#include "tests/support/fixtures.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

/// Loaded once; tests only read it.
const LoadedModel& demo() {
  static const std::unique_ptr<Engine> engine =
      Engine::load({.model = test::demo_model().string(), .backend = "cpu", .n_threads = 2});
  return engine->loaded_model();
}

}  // namespace

std::vector<StreamEvent> parse_events(std::string_view body) {
  std::vector<StreamEvent> events;
  StreamEvent event;
  while (!body.empty()) {
    const std::string_view line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    if (line.starts_with("event: ")) event.name = line.substr(7);
    if (line.starts_with("data: ")) event.data += line.substr(6);
    if (line.empty() && !event.data.empty()) events.push_back(std::exchange(event, {}));
  }
  return events;
}

const json::value& at(const json::value& value, std::string_view path) {
  boost::system::error_code error;
  const json::value* const found = value.find_pointer(path, error);
  static const json::value kNothing = "(nothing there)";
  if (found == nullptr) ADD_FAILURE() << path << " is not in " << value;
  return found == nullptr ? kNothing : *found;
}

std::string text_at(const json::value& value, std::string_view path) {
  const json::value& found = at(value, path);
  return found.is_string() ? std::string(found.get_string()) : json::serialize(found);
}

json::array weather_tools() {
  return json::parse(R"([{"type": "function", "function": {
      "name": "get_weather", "description": "Current weather of a place",
      "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}])")
      .as_array();
}

void ApiTest::start(const BatchEngineOptions& options, std::vector<std::string> api_keys) {
  model_ = std::make_unique<ServedModel>(demo(), options, "demo");
  slot_.set(*model_);
  http::ServerOptions server;
  server.port = 0;
  server.api_keys = std::move(api_keys);
  server.format_error = refusal;
  server.on_error = [](std::string_view what) { ADD_FAILURE() << what; };
  server_ = std::make_unique<http::HttpServer>(server, make_router(slot_));
  server_->start();
}

void ApiTest::TearDown() {
  server_.reset();  // before what its handlers use
  model_.reset();
}

json::object ApiTest::greedy(std::string_view body) {
  json::object request = json::parse(body).as_object();
  request["temperature"] = 0;
  request.emplace("chat_template_kwargs", json::object{{"enable_thinking", false}});
  return request;
}

http::RawResponse ApiTest::post(std::string_view path, const json::value& body, std::string_view headers) {
  return connect().ask(http::post(path, json::serialize(body), headers));
}

json::value ApiTest::ask(std::string_view path, const json::value& body) {
  const http::RawResponse response = post(path, body);
  EXPECT_EQ(response.status, 200) << response.body;
  return json::parse(response.body);
}

std::vector<StreamEvent> ApiTest::stream(std::string_view path, json::object body) {
  body["stream"] = true;
  const http::RawResponse response = post(path, body);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_TRUE(response.whole);
  EXPECT_TRUE(response.header("content-type").starts_with("text/event-stream"));
  return parse_events(response.body);
}

json::value ApiTest::get(std::string_view path) {
  const http::RawResponse response = connect().ask(http::get(path));
  EXPECT_EQ(response.status, 200) << response.body;
  return json::parse(response.body);
}

}  // namespace marlin::api
