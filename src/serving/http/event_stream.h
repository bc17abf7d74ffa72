// SPDX-License-Identifier: Apache-2.0
// Server-sent events on top of an exchange, as streaming APIs speak them; comments keep a silent stream alive through
// proxies. The API layer makes one per streamed answer. An event goes out as one write, so pings never fall into it.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "serving/http/exchange.h"

namespace marlin::http {

class EventStream {
 public:
  explicit EventStream(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

  /// Status 200 and the headers of an event stream, with `headers`. False as Exchange::begin_stream.
  bool begin(Headers headers = {});

  /// One event. `name` may be empty: clients then take it for "message"; a line break in it is our own bug. Each line
  /// of `data` becomes a line of the event. False as Exchange::write.
  bool event(std::string_view name, std::string_view data);

  /// False as Exchange::end.
  bool end() { return exchange_->end(); }

 private:
  std::shared_ptr<Exchange> exchange_;
};

}  // namespace marlin::http
