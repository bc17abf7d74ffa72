// SPDX-License-Identifier: Apache-2.0
#include "serving/http/event_stream.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.h"

namespace marlin::http {

bool EventStream::begin(Headers headers) {
  headers.push_back({"Cache-Control", "no-cache"});
  headers.push_back({"X-Accel-Buffering", "no"});  // nginx would collect events before it passes them on
  return exchange_->begin_stream({200, "text/event-stream; charset=utf-8", {}, std::move(headers)}, ": ping\n\n");
}

bool EventStream::event(std::string_view name, std::string_view data) {
  MARLIN_CHECK(name.find_first_of("\r\n") == std::string_view::npos);
  std::string out;
  out.reserve(name.size() + data.size() + 24);
  if (!name.empty()) out.append("event: ").append(name).append("\n");
  for (;;) {
    const std::size_t end = std::min(data.find_first_of("\r\n"), data.size());
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == data.size()) break;
    data.remove_prefix(end + (data.substr(end, 2) == "\r\n" ? 2 : 1));
  }
  out += '\n';
  return exchange_->write(std::move(out));
}

}  // namespace marlin::http
