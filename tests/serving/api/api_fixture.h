// SPDX-License-Identifier: Apache-2.0
// The demo model behind a real server, and what tests ask of it. Greedy, so that two answers to one question are equal.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "metal_marlin/engine.h"
#include "serving/api/model_slot.h"
#include "serving/http/http_server.h"
#include "tests/serving/http/raw_client.h"

namespace marlin::api {

/// One event of a stream.
struct StreamEvent {
  std::string name;  // empty: none
  std::string data;

  [[nodiscard]] boost::json::object json() const { return boost::json::parse(data).as_object(); }
};

/// The events of a whole event stream; comments are passed over.
std::vector<StreamEvent> parse_events(std::string_view body);

/// What `path` leads to in `value`: "/choices/0/message".
const boost::json::value& at(const boost::json::value& value, std::string_view path);
std::string text_at(const boost::json::value& value, std::string_view path);

/// A tool that the demo model knows, as chat completions have it.
boost::json::array weather_tools();

class ApiTest : public testing::Test {
 protected:
  /// Serves the demo model as "demo".
  void start(const BatchEngineOptions& options = {}, std::vector<std::string> api_keys = {});
  void TearDown() override;

  /// `body` as the server gets it: with temperature 0, and without thinking unless it says otherwise.
  static boost::json::object greedy(std::string_view body);

  http::RawResponse post(std::string_view path, const boost::json::value& body, std::string_view headers = "");
  /// A response with status 200.
  boost::json::value ask(std::string_view path, const boost::json::value& body);
  /// The events of a stream; `body` needs no "stream".
  std::vector<StreamEvent> stream(std::string_view path, boost::json::object body);
  boost::json::value get(std::string_view path);

  http::RawClient connect() { return http::RawClient(server_->port()); }

  std::unique_ptr<ServedModel> model_;
  ModelSlot slot_;
  std::unique_ptr<http::HttpServer> server_;
};

}  // namespace marlin::api
